"""API processes killed under load behind the front door: every client can find out what became of its request."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from signal import SIGKILL
from threading import Event

import httpx
import pytest

from tests.conftest import FIGURE
from tests.support.clients.http_client import Client, admin, agent_booking
from tests.support.processes.front_door import front_door
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

KILLS = 6
CLIENTS = 16
NOWHERE = "nowhere"


@pytest.fixture
def door(breakable_stack: Stack, tmp_path: Path) -> Iterator[str]:
    with front_door(tmp_path / "caddy", api_port=breakable_stack.api_port) as one:
        yield one.url


def workers(pid: int) -> set[int]:
    """The worker processes of the API's main process."""
    return {int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def book_until(done: Event, client: Client) -> list[httpx.Response]:
    answers = []
    while not done.is_set():
        answers.append(client.book(agent_booking(), Prefer="wait=30"))
    return answers


def test_a_killed_api_leaves_nobody_without_an_address(
    breakable_stack: Stack, door: str, record_property: Callable[[str, object], None]
) -> None:
    stack, done = breakable_stack, Event()
    with admin(door) as client, ThreadPoolExecutor(CLIENTS) as pool:
        booking = [pool.submit(book_until, done, client) for _ in range(CLIENTS)]
        try:
            for _ in range(KILLS):
                kill_one(stack.process("api").pid)
        finally:
            done.set()
        answers = [answer for one in booking for answer in one.result()]
        unanswered = [one for one in answers if one.status_code != 201]
        assert {(one.status_code, one.json().get("code")) for one in unanswered} == {(503, "unknown_outcome")}
        wait_until(lambda: inboxes_writing(stack) == 0, "what the dead had sent is written, or is not")
        statuses = [became(client, one) for one in unanswered]
    lost = [one for one, status in zip(unanswered, statuses, strict=True) if status == NOWHERE]
    assert bookings_of(stack, lost) == 0
    booked = [one for one, status in zip(unanswered, statuses, strict=True) if status == "succeeded"]
    assert bookings_of(stack, booked) == len(booked)
    assert len(booked) + len(lost) == len(unanswered), statuses
    figure = f"{KILLS} kills: {len(unanswered)} of {len(answers)} bookings unanswered, {len(booked)} of them booked"
    record_property(FIGURE, figure)


def kill_one(master: int) -> None:
    """Kill one of the two at any moment, and wait until another has taken its place."""
    before = workers(master)
    os.kill(min(before), SIGKILL)
    wait_until(lambda: len(workers(master) - {min(before)}) == len(before), "another takes its place")


def inboxes_writing(stack: Stack) -> int:
    sql = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s AND state = %s"
    with stack.database() as connection:
        return len(connection.execute(sql, ("holdfast inbox", "active")).fetchall())


def became(client: Client, unanswered: httpx.Response) -> str:
    """What the address finally says."""
    address = unanswered.headers["Location"]
    assert address == f"/api/commands/{unanswered.json()['id']}/"
    told = client.get(address)
    if told.status_code == 404:
        return NOWHERE
    return str(client.outcome(unanswered.json()["id"])["status"])


def bookings_of(stack: Stack, unanswered: list[httpx.Response]) -> int:
    ids = [one.json()["id"] for one in unanswered]
    with stack.database() as connection:
        rows = connection.execute("SELECT FROM booking WHERE command_id = ANY(%s::uuid[])", (ids,)).fetchall()
    return len(rows)
