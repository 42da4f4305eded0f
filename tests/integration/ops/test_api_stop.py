"""A stop of the API is heard at any moment, leaves nobody waiting, and is over within seconds."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from signal import SIGTERM

import httpx
import pytest

from ops.processes import API
from tests.conftest import FreshStack
from tests.support.clients.callers import STAFF, access_for, bearer
from tests.support.clients.http_client import agent_booking
from tests.support.processes.servers import Server
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

STOPPED_WITHIN_S = 5.0
CLIENTS = 20
CREATE = "/api/agent/booking/create/"


@pytest.fixture
def api(fresh_stack: FreshStack) -> Stack:
    """An API of two processes without workers: nothing is decided, so requests wait long for their outcomes."""
    return fresh_stack(processes=(API,), environment={"HOLDFAST_API_PROCESSES": "2"}, wait=False)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2 * CLIENTS) as threads:
        yield threads


def test_waiting_clients_are_answered_and_idle_connections_closed(api: Stack, pool: ThreadPoolExecutor) -> None:
    server = api.process("api")
    server.wait()
    with httpx.Client(base_url=api.api_url, timeout=60) as idle:
        wait_until(lambda: idle.get("/healthz").status_code == 200, "it serves")
        polled = idle.post(CREATE, json=agent_booking(), headers={"Prefer": "respond-async"}).json()["id"]
        wait = {"Prefer": "wait=30"}
        polls = [pool.submit(httpx.get, f"{api.api_url}/api/commands/{polled}/", headers=wait, timeout=60)]
        staff = bearer(access_for(api, STAFF))
        position = idle.get("/api/events/", headers=staff).json()["next"]
        read = f"{api.api_url}/api/events/?after={position}"
        events = [pool.submit(httpx.get, read, headers=wait | staff, timeout=60) for _ in range(2)]
        waits = [
            pool.submit(httpx.post, api.api_url + CREATE, json=agent_booking(), headers=wait, timeout=60)
            for _ in range(CLIENTS)
        ]
        wait_until(lambda: _accepted(api) == CLIENTS + 1, "all are accepted")
        took_s = _stop(server)
    assert took_s < STOPPED_WITHIN_S
    assert _answers(waits) == {(202, "accepted")}
    assert _answers(polls) == {(200, "accepted")}
    assert [event.result(timeout=10).json() for event in events] == [{"events": [], "next": position}] * 2


def _accepted(stack: Stack) -> int:
    with stack.database() as connection:
        row = connection.execute("SELECT count(*) FROM inbox WHERE type = 'place'").fetchone()
    assert row is not None
    return int(str(row[0]))


def _answers(futures: list[Future[httpx.Response]]) -> set[tuple[int, str]]:
    answers = [future.result(timeout=10) for future in futures]
    return {(answer.status_code, answer.json()["status"]) for answer in answers}


def _stop(server: Server) -> float:
    """Seconds until it has ended by itself."""
    began = time.monotonic()
    server.child.signal(SIGTERM)
    wait_until(lambda: server.child.exit_code() is not None, "it has ended")
    assert server.child.exit_code() == 0, server.log
    return time.monotonic() - began


def test_a_stop_that_comes_while_it_starts_is_heard(api: Stack) -> None:
    """Its processes import for a second or more: a stop in that time used to be lost."""
    server = api.process("api")
    for forked in (1, 1, 2):
        if server.child.exit_code() is not None:
            server.start(wait=False)
        _until_forked(server, forked)
        assert _stop(server) < STOPPED_WITHIN_S


STOPPED_IN_A_CALLBACK = """
import os, signal, weakref
from api.server.gunicorn_worker import _end
class Thing: pass
signal.signal(signal.SIGTERM, _end)
thing = Thing()
gone = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGTERM))
del thing
print("the stop was lost")
"""
"""The import system has such callbacks: an exception in one is ignored."""


def test_a_stop_that_comes_in_a_callback_is_heard() -> None:
    ended = subprocess.run([sys.executable, "-c", STOPPED_IN_A_CALLBACK], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr


def _until_forked(server: Server, number: int) -> None:
    wait_until(lambda: len(_children(server.pid)) >= number, f"{number} processes were forked")


def _children(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
