"""Logins wait for their turn: so many of one address, and addresses by turns."""

from __future__ import annotations

import asyncio

import pytest

from core.passwords import WAITING_MAX, WAITING_PER_ADDRESS_MAX, FairQueue, TooManyWaitingError


async def test_a_crowd_from_one_address_delays_another_by_one_login() -> None:
    turns, order = FairQueue(1), []

    async def log_in(address: str) -> None:
        await turns.take(address)
        order.append(address)
        await asyncio.sleep(0)
        turns.give_back(address)

    await asyncio.gather(*(log_in(address) for address in ["crowd"] * 50 + ["one", "two"]))
    assert order[:6] == ["crowd", "crowd", "one", "two", "crowd", "crowd"]
    assert len(order) == 52


async def test_one_address_may_not_take_all_places() -> None:
    turns = FairQueue(1)
    await turns.take("crowd")
    waiting = [asyncio.create_task(turns.take("crowd")) for _ in range(WAITING_PER_ADDRESS_MAX - 1)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyWaitingError):
        await turns.take("crowd")
    other = asyncio.create_task(turns.take("other"))
    await asyncio.sleep(0)
    turns.give_back("crowd")
    turns.give_back("crowd")
    await asyncio.wait_for(other, 5.0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_caller_that_hangs_up_while_waiting_leaves_no_hole() -> None:
    turns = FairQueue(1)
    await turns.take("a")
    gone, there = asyncio.create_task(turns.take("a")), asyncio.create_task(turns.take("b"))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    turns.give_back("a")
    await asyncio.wait_for(there, 5.0)
    turns.give_back("b")
    await asyncio.wait_for(turns.take("c"), 5.0)


async def test_a_caller_that_hangs_up_when_its_turn_has_just_come_hands_it_on() -> None:
    turns = FairQueue(1)
    await turns.take("a")
    gone, there = asyncio.create_task(turns.take("b")), asyncio.create_task(turns.take("c"))
    await asyncio.sleep(0)
    turns.give_back("a")
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    await asyncio.wait_for(there, 5.0)


async def test_a_few_addresses_may_not_take_all_places() -> None:
    turns = FairQueue(1)
    crowds = [f"crowd-{n}" for n in range(WAITING_MAX // WAITING_PER_ADDRESS_MAX)]
    waiting = [asyncio.create_task(turns.take(crowd)) for crowd in crowds for _ in range(WAITING_PER_ADDRESS_MAX)]
    await asyncio.sleep(0)
    others = [asyncio.create_task(turns.take(f"other-{n}")) for n in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [isinstance(task.exception(), TooManyWaitingError) for task in waiting if task.done()][1:] == [True] * 3
    for _ in range(len(crowds) + len(others)):
        turns.give_back(crowds[0])
        await asyncio.sleep(0)
    assert all(task.done() and task.exception() is None for task in others)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_place_that_was_given_up_is_given_up_once() -> None:
    turns = FairQueue(1)
    crowds = [f"crowd-{n}" for n in range(WAITING_MAX // WAITING_PER_ADDRESS_MAX)]
    waiting = [asyncio.create_task(turns.take(crowd)) for crowd in crowds for _ in range(WAITING_PER_ADDRESS_MAX)]
    await asyncio.sleep(0)
    other = asyncio.create_task(turns.take("other"))
    await asyncio.sleep(0)
    for task in waiting[1:]:
        task.cancel()  # also the one that has just been told
    await asyncio.gather(*waiting, return_exceptions=True)
    turns.give_back(crowds[0])
    await asyncio.wait_for(other, 5.0)
    turns.give_back("other")
    await asyncio.wait_for(turns.take("last"), 5.0)
