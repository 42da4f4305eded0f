"""What follows from the feed is planned once, whoever plans, whenever they die, and old things never again."""

from __future__ import annotations

import pytest

from core.deliveries.planner import PAGE_EVENTS, plan
from core.store.connections.database import Connection, connect_lane
from core.store.deliveries.cursors import add, any_sender, start_sender, stop_sender
from core.store.feed import renew_epoch
from tests.support.deliveries.by_hand import NAME, PlainSender, data_of, rows, take, to, write_events

SENDERS = [PlainSender()]


def plan_all(connection: Connection) -> int:
    planned = plan(connection, SENDERS)
    total = planned.deliveries
    while planned.more:
        planned = plan(connection, SENDERS)
        total += planned.deliveries
    return total


def numbers(connection: Connection) -> list[int]:
    return [data["n"] for data in data_of(connection)]


def test_a_sender_begins_at_the_feeds_head_and_has_each_event_once(connection: Connection) -> None:
    write_events(connection, 1, 2)
    assert plan_all(connection) == 0
    assert not any_sender(connection)
    start_sender(connection, NAME)
    start_sender(connection, NAME)
    write_events(connection, 3, 4, None)
    assert plan_all(connection) == 3
    assert plan_all(connection) == 0
    assert numbers(connection) == [3, 4, 5]
    stop_sender(connection, NAME)
    write_events(connection, 5)
    assert plan_all(connection) == 0


def test_a_long_feed_is_planned_by_pages(connection: Connection) -> None:
    start_sender(connection, NAME)
    write_events(connection, *range(PAGE_EVENTS + 1))
    assert plan(connection, SENDERS).more
    assert plan_all(connection) == 1
    assert numbers(connection) == list(range(1, PAGE_EVENTS + 2))


def test_a_planner_that_dies_in_the_middle_leaves_nothing_and_skips_nothing(
    connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_sender(connection, NAME)
    write_events(connection, 1, 2)

    def die(*_: object) -> None:
        raise ConnectionResetError

    with connect_lane(database_url, "holdfast tests") as other, monkeypatch.context() as patch:
        patch.setattr("core.deliveries.planner.move_cursor", die)
        assert plan(other, SENDERS).deliveries == 0
    assert rows(connection) == []
    assert plan_all(connection) == 2


def test_of_two_planners_one_plans(connection: Connection, database_url: str) -> None:
    start_sender(connection, NAME)
    write_events(connection, 1)
    with connect_lane(database_url, "holdfast tests") as other, other.transaction():
        assert plan(other, SENDERS).deliveries == 1
        assert plan(connection, SENDERS).deliveries == 0
    assert plan_all(connection) == 0
    assert numbers(connection) == [1]


def test_a_sender_that_cannot_plan_stops_alone_and_loses_nothing(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other(PlainSender):
        name = "others"

        def plan(self, *_: object) -> list[object]:  # type: ignore[override]
            raise ValueError("a bug")

    for name in (NAME, "others"):
        start_sender(connection, name)
    write_events(connection, 1)
    assert plan(connection, [Other(), *SENDERS]).deliveries == 1
    monkeypatch.setattr(Other, "plan", PlainSender.plan)
    assert plan(connection, [Other(), *SENDERS]).deliveries == 1


def test_events_that_were_deleted_before_they_were_planned_are_said_to_be_missing(connection: Connection) -> None:
    start_sender(connection, NAME)
    write_events(connection, 1, 2, 3)
    connection.execute("DELETE FROM event_batch WHERE first_position <= 2")
    assert plan_all(connection) == 2
    assert data_of(connection) == [{"events": 2, "why": "trimmed"}, {"n": 3}]
    write_events(connection, 4)
    connection.execute("DELETE FROM event_batch")
    assert plan_all(connection) == 1, "also where nothing is left"
    assert connection.execute("SELECT missed_events, missed_why, position FROM delivery_cursor").fetchone() == (
        3,
        "trimmed",
        4,
    )


def test_after_a_new_epoch_old_things_wait_for_a_person_and_young_ones_are_sent(connection: Connection) -> None:
    start_sender(connection, NAME)
    add(connection, NAME, [to("1", 7), to("1", 8)])
    connection.execute("UPDATE delivery SET created_at = created_at - interval '2 hours' WHERE booking_id = 7")
    write_events(connection, 1, ago_s=2 * 3600)
    write_events(connection, 2)
    renew_epoch(connection)
    assert take(connection) == [], "not before the planner has seen to it"
    plan_all(connection)
    states = [(kind, state) for _, kind, state, _ in rows(connection)]
    assert states == [
        ("note", "parked"),
        ("note", "waiting"),
        ("gap", "waiting"),
        ("booking_placed", "parked"),
        ("booking_placed", "waiting"),
    ]
    assert len(take(connection)) == 3
    write_events(connection, 3)
    assert plan_all(connection) == 1


def test_the_same_news_has_the_same_id_and_is_there_once(connection: Connection) -> None:
    """A database that is an hour older plans again what was sent: its receiver drops it by the id."""
    start_sender(connection, NAME)
    write_events(connection, 1)
    plan_all(connection)
    before = connection.execute("SELECT id FROM delivery").fetchall()
    connection.execute("UPDATE delivery_cursor SET position = 0")
    assert plan_all(connection) == 0
    connection.execute("DELETE FROM delivery; UPDATE delivery_cursor SET position = 0")
    assert plan_all(connection) == 1
    assert connection.execute("SELECT id FROM delivery").fetchall() == before
