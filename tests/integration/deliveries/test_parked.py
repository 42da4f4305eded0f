"""Parked deliveries, on the command line and after a restore: seen, replayed under their ids, dropped."""

from __future__ import annotations

import json

import pytest

from core.deliveries.planner import plan
from core.store.connections.database import Connection
from core.store.deliveries.cursors import add, start_sender
from core.store.deliveries.senders_state import SenderState, read_deliveries
from core.store.deliveries.values import never
from core.store.feed import renew_epoch
from core.store.maintenance import restore
from ops.cli import main
from tests.support.deliveries.by_hand import NAME, PlainSender, answer, data_of, rows, take, to, write_events


@pytest.fixture
def parked(connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of two, in the order of planning."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("HOLDFAST_DEMO", "1")
    add(connection, NAME, [to("1", 7), to("2", 8)])
    ids = []
    for one in take(connection):
        answer(connection, one, never("410 Gone"))
        ids.append(str(one.id))
    return ids


def test_what_was_given_up_on_is_listed_shown_replayed_and_dropped(
    connection: Connection, parked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = parked
    assert main(["parked", "list", "deliveries", "--sender", NAME, "--json"]) == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["id"], one["receiver"], one["answer"]) for one in listed] == [
        (first, "1", "410 Gone"),
        (second, "2", "410 Gone"),
    ]
    assert main(["parked", "show", "deliveries", first]) == 0
    assert json.loads(capsys.readouterr().out)["tried"][0]["verdict"] == "never"
    assert main(["parked", "replay", "deliveries", first, "--yes"]) == 0
    (again,) = take(connection)
    assert str(again.id) == first
    assert main(["parked", "drop", "deliveries", "--all", "--yes"]) == 0
    assert [state for _, _, state, _ in rows(connection)] == ["waiting", "dropped"]
    capsys.readouterr()
    assert main(["parked", "drop", "deliveries", second, "--yes"]) == 1
    assert "is not parked: its state is dropped" in capsys.readouterr().err
    audited = connection.execute(
        "SELECT action, subject, actor_kind FROM audit_entry WHERE action LIKE 'delivery.%%' ORDER BY at", None
    ).fetchall()
    assert audited == [
        ("delivery.replayed", f"delivery:{first}", "command_line"),
        ("delivery.dropped", f"delivery:{second}", "command_line"),
    ]


def test_a_replayed_delivery_is_tried_for_as_long_as_a_new_one(connection: Connection, parked: list[str]) -> None:
    connection.execute("UPDATE delivery SET tried_since = tried_since - interval '9 days'")
    assert main(["parked", "replay", "deliveries", parked[0], "--yes"]) == 0
    (again,) = take(connection)
    assert (again.leased_at - again.tried_since).total_seconds() == 0


def test_what_a_backup_held_waits_for_a_person_and_what_it_had_not_planned_is_counted(connection: Connection) -> None:
    start_sender(connection, NAME)
    add(connection, NAME, [to("1", 7)])
    write_events(connection, 1, 2)
    with connection.transaction():
        for statement in restore.SETTLED.values():
            connection.execute(statement.encode())
        renew_epoch(connection)
    write_events(connection, 3)
    while plan(connection, [PlainSender()]).more:
        pass
    assert [(kind, state) for _, kind, state, _ in rows(connection)] == [
        ("note", "parked"),
        ("gap", "waiting"),
        ("booking_placed", "waiting"),
    ]
    assert data_of(connection)[2] == {"n": 3}
    (state,) = read_deliveries(connection).senders
    assert state == SenderState(NAME, 2, 1, 0, 2, state.oldest_s)
    assert state.oldest_s > 0
