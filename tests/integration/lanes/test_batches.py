"""One lane's batches: lock, snapshot, order, and what makes a batch be decided again.

Each test says which remedy of docs/lanes.md it holds; taken away, the test fails.
"""

from __future__ import annotations

from datetime import time
from functools import partial

import pytest
from psycopg.errors import DeadlockDetected, ForeignKeyViolation, InvalidSqlStatementName

from core.domain.bookings.status import Status
from core.domain.commands import Actor, ActorKind, ChangeStatus, CommandClass, PersonById
from core.domain.versions import SCHEMA_VERSION
from core.engine.lane import VisitResult
from core.store.inbox.lane_batches import BATCH_COMMANDS, BULK_MOST, BULK_SHARE, EXPIRY_SHARE, begin_lanes
from core.store.sql.lost_races import LOST_RACE
from tests.support.engine.lanes import (
    Background,
    Pipeline,
    canaries,
    holding,
    lock_waits,
    lost_race_codes,
    meanwhile,
    new,
    places,
)
from tests.support.values import MONDAY, by_phone, place
from tests.support.wait import wait_until

GATE = """
CREATE FUNCTION public.pg_try_advisory_xact_lock(space integer, lane integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock(424242);
    RETURN pg_catalog.pg_try_advisory_xact_lock(space, lane);
END $$
"""
"""Stands in for the lane's lock and waits at a gate: the window between a statement's snapshot
and the lock it takes, held open for as long as a test likes."""


def test_a_lane_is_read_by_a_snapshot_younger_than_its_lock(pipeline: Pipeline) -> None:
    """Remedy: the lock is a statement of its own, in READ COMMITTED. Locked and read in one
    statement, or under REPEATABLE READ, the second worker would read what the first has decided.
    """
    pipeline.one_lane()
    pipeline.put(*places(3))
    second, read = pipeline.worker(), []
    pipeline.connection.execute(GATE.encode())
    second.connection.execute("SET search_path = public, pg_catalog")
    second.connection.execute("SET application_name = 'holdfast second'")

    def visit() -> None:
        read.append(begin_lanes(second.connection, [0]))
        second.connection.rollback()

    with holding(pipeline.url, "SELECT pg_advisory_xact_lock(424242)"):
        late = Background(visit)
        wait_until(lambda: lock_waits(pipeline.connection, "holdfast second") > 0, "the second stands at the gate")
        assert len(pipeline.worker().visit().decided) == 3
    late.join()
    assert [(set(one.locked), one.waiting) for one in read] == [({0}, {0: []})]


def test_a_second_worker_finds_a_lane_busy_until_the_first_has_committed(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Remedy: the lane's lock is held to commit."""
    pipeline.one_lane()
    ids = pipeline.put(*places(3))
    first, second = pipeline.worker(), pipeline.worker()
    turns: list[object] = []
    meanwhile(monkeypatch, lambda: turns.append(second.visit()))
    assert len(first.visit().decided) == 3
    assert turns == [VisitResult(busy=frozenset({0}))]
    assert second.visit() == VisitResult()
    assert pipeline.codes(ids) == ["succeeded"] * 3


def test_a_command_that_becomes_visible_late_is_decided_all_the_same(pipeline: Pipeline) -> None:
    """Remedy: the lane reads "undecided", never "after the last seq"."""
    pipeline.one_lane()
    slow = pipeline.connect()
    early, late = places(2)
    with slow.transaction():
        (first,) = pipeline.put(early, on=slow)
        (second,) = pipeline.put(late)
        worker = pipeline.worker()
        worker.visit_until_done()
        assert pipeline.codes([first, second]) == ["undecided", "succeeded"]
    worker.visit_until_done()
    assert pipeline.codes([first, second]) == ["succeeded", "succeeded"]
    (seqs,) = pipeline.row("SELECT array_agg(seq ORDER BY decided_at) FROM outcome")
    assert seqs == sorted(seqs, reverse=True)


def test_two_lanes_that_make_the_same_user_at_once_make_one_and_book_twice(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Remedy: users go in ON CONFLICT DO NOTHING, and a missing expected row means reload and decide again."""
    here, there = (place(MONDAY.replace(day=day), person=by_phone("777")) for day in (20, 21))
    ids = pipeline.put(here, there)
    lanes = [pipeline.lane_of(id_) for id_ in ids]
    assert lanes[0] != lanes[1]
    other = pipeline.worker()
    loads, lost = meanwhile(monkeypatch, lambda: other.visit(lanes[1])), lost_race_codes(monkeypatch)
    turn = pipeline.worker().visit(lanes[0])
    assert len(turn.decided) == 1
    assert loads == [3]
    assert lost == [LOST_RACE], "making somebody who was made meanwhile is no conflict, and no success"
    assert pipeline.codes(ids) == ["succeeded", "succeeded"]
    assert pipeline.row("SELECT count(*) FROM user_account WHERE phone_key = '777'") == (1,)
    assert [pipeline.outcomes()[id_][2]["user_created"] for id_ in ids] == [False, True]


def test_somebody_who_was_deleted_while_their_booking_was_decided_is_looked_for_again(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.one_lane()
    (user_id,) = pipeline.row(
        "INSERT INTO user_account (username, username_key, phone) VALUES ('gone', 'gone', '') RETURNING id"
    )
    (id_,) = pipeline.put(place(person=PersonById(user_id)))
    delete = partial(pipeline.connection.execute, "DELETE FROM user_account WHERE id = %s", (user_id,))
    loads, lost = meanwhile(monkeypatch, delete), lost_race_codes(monkeypatch)
    pipeline.worker().visit()
    assert loads == [2]
    assert lost == [ForeignKeyViolation.sqlstate]
    assert pipeline.codes([id_]) == ["forbidden"], "anonymous callers do not learn whether an id is unknown"
    assert pipeline.charged() == {}


def test_statements_that_a_session_does_not_know_any_more_are_prepared_again(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection pooler between them, or a migration: no command is blamed for it."""
    pipeline.one_lane()
    worker, ids = pipeline.worker(), pipeline.put(*places(2))
    worker.visit(0)
    worker.connection.execute("DEALLOCATE ALL")
    lost = lost_race_codes(monkeypatch)
    ids += pipeline.put(places(3)[2])
    worker.visit(0)
    assert lost == [InvalidSqlStatementName.sqlstate]
    assert pipeline.codes(ids) == ["succeeded"] * 3
    assert pipeline.charged() == {}


def test_many_lanes_that_make_the_same_users_at_once_fail_nobody(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Remedy: users go in ON CONFLICT DO NOTHING, and a missing expected row means reload and decide again."""
    numbers = [f"60{n}" for n in range(12)]
    commands = [
        place(one.date, one.time, person=by_phone(numbers[(n * 7) % len(numbers)])) for n, one in enumerate(places(96))
    ]
    ids = pipeline.put(*commands)
    workers = [pipeline.worker() for _ in range(8)]
    lost = lost_race_codes(monkeypatch)
    running = [Background(partial(worker.visit_until_done, lane)) for lane, worker in enumerate(workers)]
    for one in running:
        one.join()
    assert set(lost) <= {LOST_RACE}
    assert pipeline.codes(ids) == ["succeeded"] * len(ids)
    assert pipeline.row("SELECT count(*) FROM user_account WHERE phone_key LIKE '60%%'") == (len(numbers),)
    created = [one["user_created"] for _, _, one in pipeline.outcomes().values()]
    assert sum(created) == len(numbers)


def test_users_and_claims_are_written_in_one_order_by_every_lane(pipeline: Pipeline) -> None:
    """Remedy: users and claims are inserted sorted, so that lanes wait for each other instead of deadlocking."""
    pipeline.one_lane()
    latest_first = [
        place(one.date, one.time, person=by_phone(f"90{n}"))
        for n, one in zip("183526", reversed(places(6)), strict=True)
    ]
    pipeline.put(*latest_first)
    pipeline.worker().visit()
    users = [phone for (phone,) in pipeline.rows("SELECT phone_key FROM user_account ORDER BY ctid")]
    claims = [start for (start,) in pipeline.rows("SELECT lower(during) FROM claim ORDER BY id")]
    assert users == sorted(users) != [command.person.phone_key for command in latest_first]  # type: ignore[union-attr]
    assert claims == sorted(claims)


def test_time_taken_outside_the_lanes_between_load_and_save_is_refused_as_taken(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Remedy: an exclusion violation (23P01) means that somebody else was first: decided again, in the same visit."""
    pipeline.one_lane()
    wanted, neighbour = places(2)
    ids = pipeline.put(wanted, neighbour)
    meanwhile(monkeypatch, lambda: pipeline.claim(wanted.date, wanted.time))
    turn = pipeline.worker().visit()
    assert len(turn.decided) == 2
    assert pipeline.codes(ids) == ["slot_taken", "succeeded"]
    assert pipeline.overlapping_claims() == 0


def test_an_overlap_that_ends_in_a_deadlock_is_decided_again_and_refused_as_taken(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Remedy: a deadlock (40P01) is a lost race like a violation, not a failure and not yet an outage."""
    pipeline.one_lane()
    worker = pipeline.worker()
    pipeline.put(*places(1))
    worker.visit()
    (booking_id,) = pipeline.row("SELECT id FROM booking")
    staff = Actor(ActorKind.STAFF, 1)
    wanted = place(MONDAY, time(15), person=by_phone("888"))
    ids = pipeline.put(new(ChangeStatus(booking_id, Status.COMPLETED), actor=staff), wanted)
    worker.connection.execute("SET deadlock_timeout = '50ms'")
    outside = pipeline.connect()
    outside.execute("SET application_name = 'holdfast outside'")
    outside.execute("SET deadlock_timeout = '20s'")
    outside.execute("SET lock_timeout = 0")
    running: list[Background] = []

    def claim_then_book() -> None:
        with outside.transaction():
            pipeline.claim(MONDAY, time(15), on=outside)
            outside.execute("UPDATE booking SET notes = 'outside' WHERE id = %s", (booking_id,))

    def cross() -> None:
        running.append(Background(claim_then_book))
        wait_until(lambda: lock_waits(pipeline.connection, "holdfast outside") > 0, "the other waits for the booking")

    def end() -> None:
        """Else the worker may have the row again before the other wakes up, and they cross once more."""
        running[0].join()

    lost = lost_race_codes(monkeypatch, then=end)
    loads = meanwhile(monkeypatch, cross)
    turn = worker.visit()
    assert (len(turn.decided), lost, loads) == (2, [DeadlockDetected.sqlstate], [2])
    assert pipeline.codes(ids) == ["succeeded", "slot_taken"]
    assert pipeline.overlapping_claims() == 0


def test_a_command_that_is_gone_when_its_batch_is_saved_is_decided_by_nobody(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Remedy: a batch that moves fewer rows than it decided lost a race, and is decided again without them."""
    pipeline.one_lane()
    ids = pipeline.put(*places(3))
    meanwhile(monkeypatch, lambda: pipeline.rows("DELETE FROM inbox WHERE id = %s RETURNING id", ids[1]))
    turn = pipeline.worker().visit()
    assert [one.envelope.id for one in turn.decided] == [ids[0], ids[2]]
    assert pipeline.placed_by() == [ids[0], ids[2]]


def test_a_refused_newcomer_leaves_an_id_for_the_next_one_of_the_batch(pipeline: Pipeline) -> None:
    pipeline.one_lane()
    taken, free = places(2)
    pipeline.claim(taken.date, taken.time)
    ids = pipeline.put(taken, free)
    assert len(pipeline.worker().visit().decided) == 2
    assert pipeline.codes(ids) == ["slot_taken", "succeeded"]


def test_each_command_of_a_batch_sees_what_the_one_before_it_did(pipeline: Pipeline) -> None:
    pipeline.one_lane()
    one = places(1)[0]
    ids = pipeline.put(*[one] * 5)
    pipeline.worker().visit()
    assert pipeline.codes(ids) == ["succeeded"] + ["slot_taken"] * 4


def test_people_stand_before_expiry_and_expiry_before_bulk(pipeline: Pipeline) -> None:
    pipeline.one_lane()
    bulk = pipeline.put(*canaries(2, command_class=CommandClass.BULK))
    expiry = pipeline.put(*canaries(2, command_class=CommandClass.EXPIRY))
    people = pipeline.put(*canaries(2))
    pipeline.worker().visit()
    assert pipeline.decided_in_order() == people + expiry + bulk


def test_a_bulk_of_thousands_does_not_stand_in_front_of_a_person(pipeline: Pipeline) -> None:
    """Remedy: order is by class, then inbox order."""
    pipeline.one_lane()
    pipeline.put(*canaries(3_000, command_class=CommandClass.BULK))
    (person,) = pipeline.put(*canaries(1))
    turn = pipeline.worker().visit()
    assert turn.more
    assert turn.decided[0].envelope.id == person


def test_lower_classes_keep_their_share_of_a_batch_however_many_people_wait(pipeline: Pipeline) -> None:
    """Remedy: a share of each batch is kept for waiting lower classes, so that none starves."""
    pipeline.one_lane()
    for command_class in CommandClass:
        pipeline.put(*canaries(2 * BATCH_COMMANDS, command_class=command_class))
    worker, batches = pipeline.worker(), []
    for _ in range(2):
        ids = [one.envelope.id for one in worker.visit().decided]
        batches.append(len(ids))
    left = dict(pipeline.rows("SELECT class, count(*) FROM inbox GROUP BY class"))
    assert batches == [BATCH_COMMANDS] * 2
    assert min(EXPIRY_SHARE, BULK_SHARE) > 0
    assert left[CommandClass.EXPIRY] == 2 * (BATCH_COMMANDS - EXPIRY_SHARE)
    assert left[CommandClass.BULK] == 2 * (BATCH_COMMANDS - BULK_SHARE)


@pytest.mark.parametrize(
    ("command_class", "most"),
    [(CommandClass.INTERACTIVE, BATCH_COMMANDS), (CommandClass.EXPIRY, BATCH_COMMANDS), (CommandClass.BULK, BULK_MOST)],
)
def test_a_lone_class_fills_its_batch(pipeline: Pipeline, command_class: CommandClass, most: int) -> None:
    pipeline.one_lane()
    pipeline.put(*canaries(most + 1, command_class=command_class))
    worker = pipeline.worker()
    turn = worker.visit()
    assert (len(turn.decided), set(turn.more), turn.full) == (most, {0}, True)
    last = worker.visit()
    assert (len(last.decided), set(last.more), last.full) == (1, set(), False)


def test_a_command_of_a_newer_schema_version_is_left_undecided_and_the_lane_goes_on(pipeline: Pipeline) -> None:
    """Remedy: a worker reads only the versions that it knows."""
    pipeline.one_lane()
    old, newer, after = pipeline.put(*places(3))
    pipeline.connection.execute(
        """UPDATE inbox SET version = %s, body = '{"type": "teleport"}' WHERE id = %s""", (SCHEMA_VERSION + 1, newer)
    )
    turns = pipeline.worker().visit_until_done()
    assert pipeline.codes([old, newer, after]) == ["succeeded", "undecided", "succeeded"]
    assert pipeline.charged() == {}
    assert not turns[-1].more
