"""The feed: numbered without a hole, in an order true to each booking, while many lanes commit at once.

Each test says which remedy of docs/commands.md, "Numbering events", it holds; taken away, the test fails.
"""

from __future__ import annotations

import random
from functools import partial
from itertools import pairwise
from uuid import uuid4

import pytest

from core.domain.bookings.status import Status
from core.domain.commands import Actor, ActorKind, Canary, Cancel, ChangeStatus, Delete
from core.store.connections.database import Connection
from core.store.feed import SQL_AFTER, SQL_LOCK_FEED, SQL_UNNUMBERED, FeedEvent, Position, feed_event, number_events
from tests.support.engine.lanes import Background, Pipeline, canaries, holding, lock_waits, new, places
from tests.support.wait import wait_until
from workers.relay_server import relay

STAFF = Actor(ActorKind.STAFF, 1)


def read_after(connection: Connection, after: int, limit: int) -> list[FeedEvent]:
    return [feed_event(row) for row in connection.execute(SQL_AFTER, {"after": after, "limit": limit}).fetchall()]


def head(connection: Connection) -> int:
    row = connection.execute("SELECT last_position FROM feed").fetchone()
    assert row is not None
    return int(row[0])


def test_numbering_gives_committed_events_the_next_numbers(pipeline: Pipeline) -> None:
    pipeline.one_lane()
    ids = pipeline.put(*canaries(5))
    pipeline.worker().visit_until_done()
    position = number_events(pipeline.connection)
    assert position is not None
    assert position.number == 5
    events = read_after(pipeline.connection, 0, 100)
    assert [(event.number, event.command_id) for event in events] == list(enumerate(ids, start=1))


def test_with_nothing_to_number_nobody_is_told(pipeline: Pipeline) -> None:
    told: list[Position] = []
    assert not relay(pipeline.connection, told.append)
    assert told == []


def test_the_relay_tells_the_new_head_after_it_is_committed(pipeline: Pipeline) -> None:
    pipeline.one_lane()
    pipeline.put(*canaries(2))
    pipeline.worker().visit_until_done()
    heads: list[tuple[str, int]] = []
    watcher = pipeline.connect()
    assert relay(pipeline.connection, lambda told: heads.append((str(told), head(watcher))))
    assert [(told.split("-")[1], seen) for told, seen in heads] == [("2", 2)]


def test_a_batch_that_commits_late_gets_a_later_number_and_is_not_missed(pipeline: Pipeline) -> None:
    """Remedy: positions are given after commit, not taken from a sequence inside the transaction."""
    pipeline.put(*[one for n in range(8) for one in canaries(1, partition_key=f"k:{n}")])
    lanes = sorted({lane for (lane,) in pipeline.rows("SELECT DISTINCT lane FROM inbox")})
    assert len(lanes) > 1
    slow = pipeline.connect()
    with slow.transaction():
        slow.execute(
            "WITH b AS (INSERT INTO event_batch (events, created_at) VALUES (1, clock_timestamp()) RETURNING id)"
            " INSERT INTO event (batch_id, n, type, version, command_id, is_final, actor, contract, request_id)"
            " SELECT id, 0, 'late', 1, %s, true, 'engine', 'engine', 'r' FROM b",
            (uuid4(),),
        )
        for lane in lanes:
            pipeline.worker().visit_until_done(lane)
        number_events(pipeline.connection)
        before = read_after(pipeline.connection, 0, 100)
        assert [event.number for event in before] == list(range(1, 9))
    number_events(pipeline.connection)
    assert [event.type for event in read_after(pipeline.connection, before[-1].number, 100)] == ["late"]


def test_two_relays_take_turns_under_the_feeds_lock(pipeline: Pipeline) -> None:
    """Remedy: numbering holds the feed row's lock; without it two relays give one number twice."""
    pipeline.one_lane()
    pipeline.put(*canaries(3))
    pipeline.worker().visit_until_done()
    second = pipeline.connect()
    second.execute("SET application_name = 'holdfast second relay'")
    with holding(pipeline.url, SQL_LOCK_FEED) as first:
        waiting = Background(lambda: number_events(second))
        wait_until(lambda: lock_waits(pipeline.connection, "holdfast second relay") > 0, "the second waits")
        first.execute("UPDATE event_batch SET first_position = 1 WHERE first_position IS NULL")
        first.execute("UPDATE feed SET last_position = 3")
        first.commit()
        waiting.join()
    assert head(pipeline.connection) == 3


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_reader_sees_every_number_once_while_lanes_commit_and_two_relays_number(
    pipeline: Pipeline, seed: int
) -> None:
    """Remedy: the relay's lock and the numbers given after commit: "after 41" cannot miss 40."""
    chance = random.Random(seed)  # noqa: S311 - a test's own dice
    ids = pipeline.put(*places(160))
    workers = [pipeline.worker() for _ in range(8)]
    deciding = [Background(partial(_decide_everything, pipeline, lane, worker)) for lane, worker in enumerate(workers)]
    relays = [Background(partial(_relay_while, pipeline.connect(), deciding)) for _ in range(2)]
    seen: list[list[FeedEvent]] = [[], [], []]
    readers = [
        Background(partial(_read_while, pipeline.connect(), relays, events, chance.randint(1, 20))) for events in seen
    ]
    for one in deciding + relays + readers:
        one.join()
    while number_events(pipeline.connection):
        pass
    last = head(pipeline.connection)
    for events in seen:
        events.extend(read_after(pipeline.connection, events[-1].number if events else 0, 10_000))
        assert [event.number for event in events] == list(range(1, last + 1))
    assert pipeline.codes(ids) == ["succeeded"] * len(ids)
    assert_order_is_true_to_each_booking(seen[0])


def _decide_everything(pipeline: Pipeline, lane: int, worker: object) -> None:
    """Decide what waits, then change each booking of this lane a few times, in batches of one and more."""
    visit = worker.visit_until_done  # type: ignore[attr-defined]
    visit(lane)
    connection = pipeline.connect()
    booked = connection.execute("SELECT id FROM booking WHERE mod(id, 8) = %s ORDER BY id", (lane,)).fetchall()
    for (booking_id,) in booked:
        for command in (ChangeStatus(booking_id, Status.IN_PROGRESS), Cancel(booking_id), Delete(booking_id)):
            pipeline.put(new(command, actor=STAFF, partition_key=f"b:{booking_id}"), on=connection)
        visit(lane)


def _relay_while(connection: Connection, others: list[Background]) -> None:
    while any(one.running for one in others):
        number_events(connection)
    while (row := connection.execute(SQL_UNNUMBERED).fetchone()) and row[0]:
        number_events(connection)


def _read_while(connection: Connection, others: list[Background], events: list[FeedEvent], limit: int) -> None:
    while any(one.running for one in others):
        events += read_after(connection, events[-1].number if events else 0, limit)


def assert_order_is_true_to_each_booking(events: list[FeedEvent]) -> None:
    by_booking: dict[int, list[FeedEvent]] = {}
    for event in events:
        if event.booking_id is not None and event.booking_version is not None:
            by_booking.setdefault(event.booking_id, []).append(event)
    for story in by_booking.values():
        assert story[0].type == "booking_created"
        for before, after in pairwise(story):
            assert (before.booking_version or 0) <= (after.booking_version or 0)


def test_a_reader_may_stop_inside_a_batch_and_goes_on_where_it_stopped(pipeline: Pipeline) -> None:
    pipeline.one_lane()
    pipeline.put(*canaries(7))
    pipeline.worker().visit_until_done()
    pipeline.put(*canaries(5))
    pipeline.worker().visit_until_done()
    number_events(pipeline.connection)
    for after in range(13):
        for limit in (1, 3, 100):
            numbers = [event.number for event in read_after(pipeline.connection, after, limit)]
            assert numbers == list(range(after + 1, 13))[:limit]


def test_the_last_event_of_a_command_says_that_it_is_decided(pipeline: Pipeline) -> None:
    pipeline.one_lane()
    worker = pipeline.worker()
    pipeline.put(*places(1))
    worker.visit_until_done()
    (booking_id,) = pipeline.row("SELECT id FROM booking")
    (deletion,) = pipeline.put(new(Delete(booking_id), actor=STAFF))
    worker.visit_until_done()
    number_events(pipeline.connection)
    told = [(e.type, e.is_final) for e in read_after(pipeline.connection, 0, 10) if e.command_id == deletion]
    assert told == [("booking_updated", False), ("booking_deleted", True)]


def test_events_hold_ids_and_no_personal_data(pipeline: Pipeline) -> None:
    pipeline.one_lane()
    pipeline.put(*places(1, person="4917099887766"), new(Canary()))
    pipeline.worker().visit_until_done()
    assert "4917099887766" not in str(pipeline.rows("SELECT e::text FROM event e"))
