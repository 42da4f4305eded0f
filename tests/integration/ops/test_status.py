"""`holdfast status` on real parts: what they say is shown, and each that is killed, hangs or is another's is told apart."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import socket
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from websockets.sync.client import connect

from core.store.connections.database import Connection
from ops.cli import main
from ops.ports import free_ports
from ops.status.asked_parts import NO_ANSWER, begin_all
from ops.status.overview import Overview
from ops.status.reader import StatusReader
from ops.status.sources import NOT_MIGRATED, database_part
from tests.support.clients.callers import ADMIN, access_for, bearer, execute
from tests.support.clients.http_client import Client
from tests.support.pages import ROOT
from tests.support.processes.make_run import command
from tests.support.processes.servers import settings_for
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

SCHEMA = json.loads((ROOT / "docs" / "status.schema.json").read_text())
WITHIN_S = 30.0
"""Of a part that answers, on a busy machine: only those that hang are waited for so long."""
WHOLE = {
    "api": (True, 2),
    "lanes": (True, 2),
    "payments": (False, 0),  # the stack has none
    "deliveries": (False, 0),  # nor of these
    "sweeps": (True, 1),
    "beat": (True, None),
    "notifier": (True, 1),
}
"""Of the session's stack: whether each is up, and how many there are."""
HANGS_S = 0.3
NEVER_S = 20.0


def up(overview: Overview) -> dict[str, bool | None]:
    return {one.name: one.is_up for one in overview.parts}


def counts(overview: Overview) -> dict[str, tuple[bool | None, int | None]]:
    return {one.name: (one.is_up, one.count) for one in overview.processes}


def test_a_running_stack_is_told_as_it_is(
    stack: Stack, client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in stack.full_environment().items():
        monkeypatch.setenv(name, value)
    headers = bearer(access_for(stack, ADMIN))
    told: dict[str, Any] = {}

    def every_part_answers() -> bool:
        """A machine that is busy may take longer than a person is made to wait."""
        client.book().raise_for_status()
        code = main(["status", "--json", "--metrics", stack.metrics_targets["notifier"]])
        told.update(json.loads(capsys.readouterr().out))
        Draft202012Validator(SCHEMA).validate(told)
        seen = {one["name"]: (one["is_up"], one["count"]) for one in told["processes"]}
        return code == 0 and seen == WHOLE and all(one["is_up"] for one in told["parts"])

    with connect(f"{stack.ws_url}/ws/commands/", additional_headers=headers, proxy=None, close_timeout=0.1):
        wait_until(every_part_answers, "every part answers")
    assert told["decisions"]["succeeded"] >= 1
    assert told["sockets"]["by_feed"]["/ws/commands"] >= 1
    assert told["lanes"]["count"] == stack.lanes
    ((epoch, head),) = execute(stack, "SELECT epoch, last_position FROM feed")
    assert told["feed"]["position"].startswith(f"{epoch}-")
    assert 0 < int(told["feed"]["position"].partition("-")[2]) <= head


def test_each_part_that_is_killed_is_shown_as_down(breakable_stack: Stack) -> None:
    stack = breakable_stack
    for name in ("api", "lanes-1", "beat", "notifier"):
        stack.process(name).kill()
    whole = StatusReader(stack.settings, stack.api_url, [stack.metrics_targets["notifier"]], WITHIN_S)
    found: list[Overview] = []
    gone = (False, 0)
    expected = WHOLE | {"api": gone, "lanes": (True, 1), "beat": gone, "notifier": gone}

    def is_seen() -> bool:
        """A canary may still be under way, and a machine that is busy hears of the dead a little later."""
        execute(stack, "UPDATE canary SET heard_at = heard_at - interval '1 hour'")
        found.append(whole.read())
        return counts(found[-1]) == expected

    with suppress(TimeoutError):
        wait_until(is_seen, "the dead are missed, and the living answer")
    silent = found[-1]
    assert counts(silent) == expected, silent
    assert up(silent) == {"postgresql": True, "redis": True, "workers": True, "api": False, "notifiers": False}
    assert silent.is_ready is None
    assert silent.down == {
        "api": f"nobody answers at {stack.api_url}",
        "sweeps": "no canary was sent lately: beat or the sweeps stand still",
    }


def test_stores_that_are_away_leave_the_rest_as_it_is(stack: Stack) -> None:
    nowhere = free_ports(1)[0]
    settings = replace(
        stack.settings,
        database_url=f"postgresql://holdfast@127.0.0.1:{nowhere}/holdfast",
        redis_url=f"redis://127.0.0.1:{nowhere}/0",
    )
    overview = StatusReader(settings, stack.api_url, [f"127.0.0.1:{stack.api_port}"], WITHIN_S).read()
    problems = {one.name: one.problem for one in overview.parts}
    assert (
        problems.pop("notifiers")
        == f"no metrics at http://127.0.0.1:{stack.api_port}/metrics: nothing serves them there"
    )
    assert problems == {
        "postgresql": "nobody listens at its address",
        "redis": "nobody listens at its address",
        "workers": "nobody listens at its address",
        "api": None,
    }
    assert overview.is_ready is True
    assert counts(overview)["lanes"] == (None, None)


def test_a_database_of_another_release_is_said_to_be_one(database_url: str, connection: Connection) -> None:
    connection.execute("ALTER TABLE payment RENAME TO payment_of_old")
    part = database_part(settings_for(database_url, "redis://127.0.0.1:1/0"))
    assert part.reply(begin_all((part,), WITHIN_S)).problem == NOT_MIGRATED


def test_what_hangs_is_waited_for_no_longer_than_said(stack: Stack) -> None:
    with hanging() as port:
        settings = replace(
            stack.settings,
            database_url=f"postgresql://holdfast@127.0.0.1:{port}/holdfast",
            redis_url=f"redis://127.0.0.1:{port}/0",
        )
        began = time.monotonic()
        overview = StatusReader(settings, f"http://127.0.0.1:{port}", [f"127.0.0.1:{port}"], HANGS_S).read()
        assert time.monotonic() - began < NEVER_S
    assert up(overview) == dict.fromkeys(("postgresql", "redis", "workers", "api", "notifiers"), False)
    assert {one.problem for one in overview.parts} == {NO_ANSWER}


@contextmanager
def hanging() -> Iterator[int]:
    """A port at which everybody is let in and nobody is answered."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def test_a_terminal_shows_it_again_and_again_until_ctrl_c() -> None:
    nowhere = free_ports(1)[0]
    environment = {
        "PATH": os.environ["PATH"],
        "TERM": "xterm",
        "DATABASE_URL": f"postgresql://holdfast@127.0.0.1:{nowhere}/holdfast",
        "REDIS_URL": f"redis://127.0.0.1:{nowhere}/0",
        "HOLDFAST_SECRET_KEY": "0123456789" * 4,
        "HOLDFAST_API_BIND": f"127.0.0.1:{nowhere}",
    }
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
    shown = b""
    with subprocess.Popen(
        command("status", "--every", "1"), env=environment, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT
    ) as process:
        os.close(theirs)
        os.set_blocking(ours, False)

        def pictures() -> int:
            nonlocal shown
            with suppress(OSError):  # nothing more now, or for ever
                shown += os.read(ours, 1 << 16)
            return shown.count(b"notifier ")

        try:
            wait_until(lambda: pictures() >= 2, "it is shown twice")
            process.send_signal(signal.SIGINT)
            wait_until(lambda: pictures() >= 3 and process.poll() is not None, "it ends")
        finally:
            process.kill()  # it could wait for ever for somebody who reads
        assert process.returncode == 0
    os.close(ours)
    in_the_end = shown.rpartition(b"\x1b[?1049l")[2]
    assert b"The API does not say" in in_the_end, "the last picture stays"
    assert b"Traceback" not in shown
    assert b"\x1b[?25h" in shown, "the cursor is back"
