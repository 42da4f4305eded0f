"""The installation's time zone is the database's, and changing it says what it touches."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import psycopg
import pytest

from core.store.audit import ENGINE_AUTHOR
from core.store.connections.database import Connection
from core.store.installation import read_installation
from core.store.maintenance.zone_change import change_zone, plan_zone_change
from core.store.migrate import upgrade
from ops.cli import main
from ops.operator_identity import operator
from tests.support.processes.servers import settings_for, stack_environment

NOWHERE = "redis://127.0.0.1:1/0"
SQL_ENTRIES = "SELECT action, actor, before, after, also FROM audit_entry WHERE subject = 'installation:1' ORDER BY id"
SQL_ROOM = "INSERT INTO resource (kind, name, zone) VALUES (%s, %s, 'UTC') RETURNING id"


def zones(connection: Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT name, zone FROM resource").fetchall())


def test_the_first_migrate_writes_the_setting_down_and_later_ones_keep_it(
    database_url: str, connection: Connection
) -> None:
    connection.execute("UPDATE installation SET time_zone = NULL")
    for wanted in ("Europe/Berlin", "Asia/Tokyo"):
        upgrade(replace(settings_for(database_url, NOWHERE), time_zone=wanted))
        assert read_installation(connection).time_zone == "Europe/Berlin"


def test_what_has_nothing_ahead_follows_and_the_rest_keeps_its_zone(connection: Connection) -> None:
    connection.execute("UPDATE installation SET time_zone = 'UTC'")
    for kind, name in (("room", "free"), ("room", "taken"), ("practitioner", "own")):
        connection.execute(SQL_ROOM, (kind, name))
    connection.execute(
        "INSERT INTO claim (resource_id, during, closure_id) SELECT r.id, tstzrange(now() + interval '1 day', "
        "now() + interval '2 days'), NULL FROM resource r WHERE name = 'taken'"
    )
    planned = plan_zone_change(connection, "Europe/Berlin")
    assert ({one.name for one in planned.follow}, [one.name for one in planned.stay]) == ({"desk", "free"}, ["taken"])
    assert set(zones(connection).values()) == {"UTC"}, "planning changes nothing"
    assert change_zone(connection, "Europe/Berlin", ENGINE_AUTHOR) == planned
    assert zones(connection) == {"desk": "Europe/Berlin", "free": "Europe/Berlin", "taken": "UTC", "own": "UTC"}
    assert read_installation(connection).time_zone == "Europe/Berlin"


def test_the_command_asks_and_a_dry_run_changes_nothing(
    database_url: str, connection: Connection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in stack_environment(database_url, NOWHERE).items():
        monkeypatch.setenv(name, value)
    assert main(["time-zone", "set", "Europe/Berlin", "--dry-run"]) == 0
    monkeypatch.setattr("sys.stdin", StringIO("n\n"))
    assert main(["time-zone", "set", "Europe/Berlin"]) == 1, "somebody says no"
    assert main(["time-zone", "set", "localtime", "--yes"]) == 2
    assert read_installation(connection).time_zone == "UTC"
    assert main(["time-zone", "set", "Europe/Berlin", "--yes"]) == 0
    assert "Resources that are given no zone get Europe/Berlin from now on, instead of UTC." in capsys.readouterr().out
    assert main(["time-zone", "show"]) == 0
    assert capsys.readouterr().out == "Europe/Berlin\n"
    with psycopg.connect(database_url) as other:
        assert other.execute("SELECT zone, id FROM resource WHERE kind = 'desk'").fetchall() == [("Europe/Berlin", 1)]
        assert main(["time-zone", "set", "Europe/Berlin", "--yes"]) == 0, "it is so already: no second entry"
        assert other.execute(SQL_ENTRIES).fetchall() == [
            (
                "installation.time_zone_changed",
                operator().name,
                {"time_zone": "UTC"},
                {"time_zone": "Europe/Berlin"},
                ["resource:1"],
            )
        ]
