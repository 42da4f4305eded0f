"""Resume: from any position, while events flow, without a gap and without a duplicate; else reload."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from core.store.feed import number_events
from notifier import catch_up, source
from tests.integration.notifier.conftest import Narrowed
from tests.support.engine.lanes import Background, Pipeline, places
from tests.support.notifier import STAFF, Listener, Running, at, populate, running_notifier, tell

ADMIN = "/ws/admin/bookings/"


@pytest.fixture
def limits(limits: Narrowed) -> Narrowed:
    """Pages of seven events, so that every replay has several."""
    return {**limits, "poll_s": 0.02, "page_events": 7}


def numbers(staff: Listener, count: int) -> list[int]:
    return [int(staff.next_of("booking_created")["position"].split("-")[1]) for _ in range(count)]


def test_what_was_missed_is_replayed_and_then_it_is_live(pipeline: Pipeline, running: Running) -> None:
    pipeline.put(*places(30))
    tell(pipeline)
    running.catch_up_with(pipeline)
    epoch = running.notifier.hub.epoch
    with running.listen(at(ADMIN, f"{epoch}-4"), running.cookie(STAFF)) as staff:
        assert numbers(staff, 26) == list(range(5, 31))
        pipeline.put(*places(31)[30:])
        tell(pipeline)
        assert numbers(staff, 1) == [31]
        assert staff.hears_nothing()


def test_a_first_message_resumes_like_the_address(pipeline: Pipeline, running: Running) -> None:
    pipeline.put(*places(9))
    tell(pipeline)
    running.catch_up_with(pipeline)
    with running.listen(headers=running.cookie(STAFF)) as staff:
        staff.send(type="resume", last_position=f"{running.notifier.hub.epoch}-7")
        assert numbers(staff, 2) == [8, 9]
        assert staff.hears_nothing()


def test_a_resume_at_the_head_replays_nothing(pipeline: Pipeline, running: Running) -> None:
    pipeline.put(*places(3))
    tell(pipeline)
    running.catch_up_with(pipeline)
    with running.listen(at(ADMIN, str(running.notifier.hub.head)), running.cookie(STAFF)) as staff:
        assert staff.hears_nothing()


@pytest.mark.parametrize("position", ["", "7", "ffffffff-3", "-3", "nonsense", "{epoch}-99", "{epoch}-x", "{epoch}--1"])
def test_a_position_that_is_not_ours_means_reload(pipeline: Pipeline, running: Running, position: str) -> None:
    pipeline.put(*places(3))
    tell(pipeline)
    running.catch_up_with(pipeline)
    asked = position.format(epoch=running.notifier.hub.epoch)
    with running.listen(at(ADMIN, asked), running.cookie(STAFF)) as staff:
        assert staff.next_of("reload") == {"type": "reload", "position": str(running.notifier.hub.head)}
        pipeline.put(*places(4)[3:])
        tell(pipeline)
        assert numbers(staff, 1) == [4]


def test_trimmed_history_means_reload(pipeline: Pipeline, running: Running) -> None:
    for n in range(3):
        pipeline.put(*places(3 * n + 3)[3 * n :])
        tell(pipeline)
    running.catch_up_with(pipeline)
    pipeline.connection.execute("DELETE FROM event_batch WHERE first_position = 1")
    epoch = running.notifier.hub.epoch
    with running.listen(at(ADMIN, f"{epoch}-1"), running.cookie(STAFF)) as staff:
        assert staff.next()["type"] == "reload"
    with running.listen(at(ADMIN, f"{epoch}-3"), running.cookie(STAFF)) as staff:
        assert numbers(staff, 6) == [4, 5, 6, 7, 8, 9]


def test_a_client_too_far_behind_reloads(pipeline: Pipeline, redis_url: str) -> None:
    populate(pipeline)
    with running_notifier(pipeline.url, redis_url, poll_s=0.02, replay_events=5) as running:
        pipeline.put(*places(6))
        tell(pipeline)
        running.catch_up_with(pipeline)
        with running.listen(at(ADMIN, f"{running.notifier.hub.epoch}-0"), running.cookie(STAFF)) as staff:
            assert staff.next()["type"] == "reload"


def test_a_new_epoch_tells_everybody_to_reload(pipeline: Pipeline, running: Running) -> None:
    pipeline.put(*places(5))
    tell(pipeline)
    running.catch_up_with(pipeline)
    with running.listen(at(ADMIN, str(running.notifier.hub.head)), running.cookie(STAFF)) as staff:
        assert staff.hears_nothing(0.1)
        pipeline.connection.execute("UPDATE feed SET epoch = 'restored', last_position = 2")
        assert staff.next_of("reload")["position"] == "restored-2"
        pipeline.connection.execute("DELETE FROM event_batch WHERE first_position > 2")
        pipeline.put(*places(6)[5:])
        tell(pipeline)
        assert numbers(staff, 1) == [3]


def test_notifiers_are_alike_a_position_of_one_resumes_at_another(
    pipeline: Pipeline, running: Running, redis_url: str
) -> None:
    pipeline.put(*places(5))
    tell(pipeline)
    running.catch_up_with(pipeline)
    position = f"{running.notifier.hub.epoch}-3"
    with (
        running_notifier(pipeline.url, redis_url) as other,
        other.listen(at(ADMIN, position), other.cookie(STAFF)) as staff,
    ):
        assert numbers(staff, 2) == [4, 5]


@pytest.mark.parametrize("seed", range(4))
def test_whatever_the_interleaving_nothing_is_missing_or_twice(
    pipeline: Pipeline, running: Running, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients come and go at random while events are written and numbered in random portions.

    Reading and rendering are slow at random, so that the moments between them are often met.
    """
    for module in (source, catch_up):
        monkeypatch.setattr(module, "render", dawdling(module.render, seed))
        monkeypatch.setattr(module, "read_page", dawdling(module.read_page, seed))
    chance = random.Random(seed)  # noqa: S311 - a test's dice
    total = 240
    commands = places(total)
    epoch = running.notifier.hub.epoch

    def write() -> None:
        worker, done = pipeline.worker(), 0
        while done < total:
            portion = chance.randint(1, 12)
            pipeline.put(*commands[done : done + portion])
            done += portion
            worker.visit_until_done()
            if chance.random() < 0.7 or done >= total:
                while number_events(pipeline.connection):
                    pass

    cookies = [running.cookie(STAFF) for _ in range(3)]
    writer = Background(write)
    heard: list[list[int]] = [[] for _ in cookies]
    listeners = [
        Background(partial(follow, running, cookie, epoch, total, seed + n, heard[n]))
        for n, cookie in enumerate(cookies)
    ]
    writer.join(60)
    for listener in listeners:
        listener.join(60)
    assert heard == [list(range(1, total + 1))] * len(cookies)


def dawdling(act: Any, seed: int) -> Any:
    """Nothing is waited for here: the pauses are the slowness."""
    chance = random.Random(seed)  # noqa: S311 - a test's dice

    async def slowly(*arguments: Any) -> Any:
        await asyncio.sleep(chance.choice((0, 0, 0.002, 0.02)))
        done = await act(*arguments)
        await asyncio.sleep(chance.choice((0, 0, 0.002, 0.02)))
        return done

    return slowly


def follow(running: Running, cookie: dict[str, str], epoch: str, total: int, seed: int, heard: list[int]) -> None:
    """Note the numbers of `total` events, heard over many connections, each of which goes on from the last event."""
    chance = random.Random(seed)  # noqa: S311 - a test's dice
    while len(heard) < total:
        by_message, last = chance.random() < 0.3, f"{epoch}-{heard[-1] if heard else 0}"
        path = ADMIN if by_message else at(ADMIN, last)
        with suppress(TimeoutError, ConnectionClosed), running.listen(path, cookie) as staff:
            if by_message:
                staff.send(type="resume", last_position=last)
            for _ in range(chance.randint(1, 60)):
                message = staff.next(5.0)
                if message["type"] == "heartbeat":
                    continue
                assert message["type"] == "booking_created"
                heard.append(int(message["position"].removeprefix(f"{epoch}-")))
                if len(heard) == total:
                    assert staff.hears_nothing(0.2)
                    return
