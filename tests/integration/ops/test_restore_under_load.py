"""The drill of docs/operations.md: back up while clients book, restore into an empty folder, start it, go on booking."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from websockets.sync.client import connect

from ops.backup.archive import Archive
from ops.embedded.environment import ROOT
from ops.embedded.postgres import binary
from ops.ports import free_ports
from tests.conftest import FIGURE
from tests.support.clients.concurrent_bookings import concurrent_bookings
from tests.support.clients.http_client import admin, agent_booking
from tests.support.notifier import at
from tests.support.processes.make_run import Run
from tests.support.processes.shell import Shell, shell
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

CLIENTS = 4
BEFORE, DURING, AFTER = 40, 20, 20
"""Bookings that clients have an answer to, before the backup begins, while it runs and after it."""
SQL_BOOKED = "SELECT notes, count(*) FROM booking WHERE notes LIKE 'drill %' GROUP BY 1"
SQL_UNBALANCED = """
SELECT count(*) FROM booking b
WHERE notes LIKE 'drill %' AND ((SELECT count(*) FROM claim c WHERE c.booking_id = b.id) <> 1
      OR (SELECT count(*) FROM outcome o WHERE o.id = b.command_id AND o.http_status = 201) <> 1
      OR (SELECT count(*) FROM event e WHERE e.command_id = b.command_id AND e.is_final) <> 1)
"""
SQL_DOUBLE = """
SELECT count(*) FROM claim a JOIN claim b ON a.id < b.id AND a.resource_id = b.resource_id AND a.during && b.during
"""
SQL_HEAD = "SELECT epoch || '-' || last_position FROM feed"


@pytest.fixture
def terminal(stack: Stack, tmp_path: Path) -> Iterator[Shell]:
    path = (str(tmp_path / ".venv" / "bin"), str(Path(binary("psql")).parent), os.environ["PATH"])
    with shell(tmp_path, {**stack.full_environment(), "PATH": os.pathsep.join(path)}) as one:
        one.paste("set +o pipefail")  # pg_restore reads no more of a backup than it needs
        yield one


def paste(terminal: Shell, printed: str) -> str:
    """A block of the page, word for word; what it says."""
    assert f"```bash\n{printed}\n```" in (ROOT / "docs" / "operations.md").read_text()
    said = terminal.paste(printed)
    assert "[info" not in said, "logging goes to standard error, as JSON"
    return said


def test_a_backup_under_load_is_restored_and_goes_on_booking(
    stack: Stack, terminal: Shell, tmp_path: Path, record_property: Any
) -> None:
    numbers = count()
    with concurrent_bookings(stack, CLIENTS, body=lambda: agent_booking(notes=f"drill {next(numbers)}")) as clients:
        wait_until(lambda: len(clients.booked) >= BEFORE, "clients book")
        acknowledged, calm = {body["notes"] for body in clients.booked}, len(clients.took_s)
        said = paste(terminal, "holdfast backup holdfast.backup")
        during = clients.took_s[calm:]
        taken = len(clients.booked)
        wait_until(lambda: len(clients.booked) >= taken + AFTER, "they go on")
        with stack.database() as connection:
            [(ahead,)] = connection.execute(SQL_HEAD).fetchall()
    assert clients.problems == []
    bodies = {body["notes"]: body for body in clients.booked}
    assert "Backed up" in said
    restored = paste(terminal, "holdfast restore holdfast.backup --data restored")
    assert "a new epoch" in restored
    run = Run(tmp_path / "restored", free_ports(1)[0], log=tmp_path / "restored.log")
    try:
        run.start().until_ready()
        _looks_whole(run, acknowledged, bodies)
        _goes_on(run, acknowledged, bodies, str(ahead))
    finally:
        run.close()
    size = Archive(tmp_path / "holdfast.backup").size_bytes
    record_property(
        FIGURE,
        f"backup under load: {taken - len(acknowledged)} bookings meanwhile, longest {1000 * max(during, default=0):.0f} ms"
        f" (before: {1000 * max(clients.took_s[:calm]):.0f} ms); {size:,} bytes; {said.strip().splitlines()[-1]}",
    )


def _looks_whole(run: Run, acknowledged: set[str], bodies: dict[str, Any]) -> None:
    with psycopg.connect(run.database_url) as connection:
        booked = {str(notes): count for notes, count in connection.execute(SQL_BOOKED).fetchall()}
        assert acknowledged - booked.keys() == set(), "each booking acknowledged before the backup began is there"
        assert set(booked.values()) == {1}, "none is there twice"
        assert bodies.keys() - booked.keys(), "those after the backup are not"
        assert connection.execute(SQL_UNBALANCED).fetchone() == (0,)
        assert connection.execute(SQL_DOUBLE).fetchone() == (0,)


def _goes_on(run: Run, acknowledged: set[str], bodies: dict[str, Any], ahead: str) -> None:
    with psycopg.connect(run.database_url) as connection:
        booked = {str(notes) for notes, _ in connection.execute(SQL_BOOKED).fetchall()}
    kept, lost = next(iter(acknowledged)), next(notes for notes in bodies if notes not in booked)
    with admin(run.url) as client:
        assert client.book(bodies[kept]).status_code == 409
        assert client.book(bodies[lost]).status_code == 201, "nobody has its time"
        address = f"ws://127.0.0.1:{run.port}{at('/ws/admin/bookings/', ahead)}"
        with connect(address, additional_headers={"Authorization": client.headers["Authorization"]}) as socket:
            first = re.search(r'"type":\s*"(\w+)"', str(socket.recv(15)))
    assert first is not None
    assert first[1] == "reload", "a client ahead of the backup is told to reload"


def test_a_backup_can_be_read_without_holdfast(terminal: Shell) -> None:
    paste(terminal, "holdfast backup holdfast.backup")
    listed = paste(terminal, "tail -n +3 holdfast.backup | head -c -73 | pg_restore --list")
    assert "TABLE DATA public booking" in listed


def test_a_running_process_is_in_a_restores_way(terminal: Shell, tmp_path: Path) -> None:
    paste(terminal, "holdfast backup holdfast.backup")
    with pytest.raises(AssertionError, match=r"Processes of Holdfast still have sessions .*: api \(\d+\)"):
        paste(terminal, "holdfast restore holdfast.backup --replace --yes")
