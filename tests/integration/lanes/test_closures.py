"""Closures in lanes: what they cover, what is in their way, and what becomes of time given back in them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from core.domain.commands import Actor, ActorKind, Cancel, CloseResource, Command, ReopenResource
from tests.support.engine.lanes import DESK_ID, Pipeline, Worker, meanwhile, new
from tests.support.values import MONDAY, by_phone, place

BY_STAFF = Actor(ActorKind.STAFF, 2)
TUESDAY = MONDAY + timedelta(days=1)
UNCLOSED = """
SELECT c.id, tstzmultirange(c.during) - coalesce(
    (SELECT range_agg(k.during) FROM claim k WHERE k.resource_id = c.resource_id), '{}') AS rest
FROM closure c
"""


def close(day: Any = MONDAY, starts: int | None = None, ends: int | None = None) -> CloseResource:
    clock: dict[str, Any] = {
        name: time(hour) for name, hour in (("starts", starts), ("ends", ends)) if hour is not None
    }
    return CloseResource(DESK_ID, day, day, reason="closed", **clock)


def book(hour: int, day: Any = MONDAY) -> Command:
    return place(day, time(hour), person=by_phone("5550001"))


def run(pipeline: Pipeline, worker: Worker, *commands: Command) -> list[UUID]:
    """Decide them in one batch."""
    ids = pipeline.put(*(new(one, contract="appointments", actor=BY_STAFF) for one in commands))
    worker.visit_until_done()
    return ids


def body(pipeline: Pipeline, id_: UUID) -> Any:
    return pipeline.outcomes()[id_][2]


def all_is_closed(pipeline: Pipeline) -> bool:
    """Every moment of every closure is claimed, by it or by a booking that was there before."""
    found = pipeline.rows(f"SELECT id, rest::text FROM ({UNCLOSED}) AS u WHERE NOT isempty(rest)")
    assert found == [], f"left open: {found}"
    return True


@pytest.fixture
def worker(pipeline: Pipeline) -> Worker:
    pipeline.one_lane()
    return pipeline.worker()


def test_a_closure_takes_what_bookings_leave_and_names_those_in_its_way(pipeline: Pipeline, worker: Worker) -> None:
    late, early = run(pipeline, worker, book(14), book(10))
    (id_,) = run(pipeline, worker, close())
    answer = body(pipeline, id_)
    in_the_way = [one["id"] for one in answer["bookings_in_the_way"]]
    assert in_the_way == [body(pipeline, early)["data"]["id"], body(pipeline, late)["data"]["id"]]
    assert (answer["bookings_in_the_way_count"], answer["data"]["resource"]["kind"]) == (2, "desk")
    assert answer["data"]["starts_at"] == "2025-10-20T00:00:00.000000+00:00"
    assert answer["data"]["ends_at"] == "2025-10-21T00:00:00.000000+00:00"
    assert all_is_closed(pipeline)
    refused = run(pipeline, worker, book(9), book(9, TUESDAY))
    assert pipeline.codes(refused) == ["slot_taken", "succeeded"]


def test_the_order_within_a_batch_decides(pipeline: Pipeline, worker: Worker) -> None:
    ids = run(pipeline, worker, book(9), close(), book(10), close(TUESDAY), book(9, TUESDAY))
    assert pipeline.codes(ids) == ["succeeded", "succeeded", "slot_taken", "succeeded", "slot_taken"]
    assert body(pipeline, ids[1])["bookings_in_the_way_count"] == 1
    assert all_is_closed(pipeline)


@pytest.mark.parametrize("batches", [1, 2])
def test_time_that_a_booking_gives_back_is_closed(pipeline: Pipeline, worker: Worker, batches: int) -> None:
    (booked,) = run(pipeline, worker, book(10))
    run(pipeline, worker, close())
    booking_id = body(pipeline, booked)["data"]["id"]
    steps = [Cancel(booking_id), book(10)]
    ids = run(pipeline, worker, *steps) if batches == 1 else [i for step in steps for i in run(pipeline, worker, step)]
    assert pipeline.codes(ids) == ["succeeded", "slot_taken"]
    assert all_is_closed(pipeline)
    assert pipeline.rows("SELECT FROM claim WHERE booking_id IS NOT NULL") == []


def test_a_closure_that_is_ended_gives_its_time_back(pipeline: Pipeline, worker: Worker) -> None:
    (closed,) = run(pipeline, worker, close(starts=9, ends=12))
    closure_id = body(pipeline, closed)["data"]["id"]
    ids = run(pipeline, worker, ReopenResource(closure_id), book(10), ReopenResource(closure_id))
    assert pipeline.codes(ids) == ["succeeded", "succeeded", "closure_not_found"]
    assert pipeline.rows("SELECT count(*) FROM claim") == [(1,)]


def test_closures_of_one_resource_may_touch_but_not_overlap(pipeline: Pipeline, worker: Worker) -> None:
    ids = run(pipeline, worker, close(starts=9, ends=12), close(starts=12, ends=13), close(starts=11, ends=14), close())
    assert pipeline.codes(ids) == ["succeeded", "succeeded", "already_closed", "already_closed"]
    assert pipeline.codes(run(pipeline, worker, close(starts=12))) == ["already_closed"]
    missing = run(pipeline, worker, CloseResource(999, MONDAY, MONDAY), ReopenResource(999))
    assert pipeline.codes(missing) == ["resource_not_found", "closure_not_found"]


def test_what_is_cancelled_elsewhere_between_load_and_save_is_closed(
    pipeline: Pipeline, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    (booked,) = run(pipeline, worker, book(10))
    booking_id = body(pipeline, booked)["data"]["id"]
    elsewhere = pipeline.connect()
    meanwhile(monkeypatch, lambda: elsewhere.execute("DELETE FROM claim WHERE booking_id = %s", (booking_id,)))
    run(pipeline, worker, close())
    assert all_is_closed(pipeline)


def test_what_is_booked_elsewhere_between_load_and_save_is_in_the_way(
    pipeline: Pipeline, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.lanes(8)
    long = CloseResource(DESK_ID, MONDAY, TUESDAY)
    made = (new(one, contract="appointments", actor=BY_STAFF) for one in (long, book(10, TUESDAY)))
    closing, booking = pipeline.put(*made)
    lanes = pipeline.lane_of(closing), pipeline.lane_of(booking)
    assert lanes[0] != lanes[1]
    other = pipeline.worker()
    meanwhile(monkeypatch, lambda: other.visit_until_done(lanes[1]))
    worker.visit_until_done(lanes[0])
    assert pipeline.codes([booking, closing]) == ["succeeded", "succeeded"]
    assert body(pipeline, closing)["bookings_in_the_way_count"] == 1
    assert all_is_closed(pipeline)


def test_any_history_leaves_nothing_open_and_nothing_booked_twice(pipeline: Pipeline, worker: Worker) -> None:
    """Two hundred random commands in random batches, checked after each batch."""
    chance = random.Random(7)  # noqa: S311 - the same history each time
    bookings, closures = [0], [0]
    for _ in range(30):
        batch: list[Command] = []
        for _ in range(chance.randint(1, 12)):
            day = MONDAY + timedelta(days=chance.randrange(2))
            match chance.randrange(4):
                case 0 | 1:
                    batch.append(
                        place(day, time(chance.randint(9, 16), chance.choice([0, 30])), person=by_phone("55501"))
                    )
                case 2:
                    cancel, reopen = Cancel(chance.choice(bookings)), ReopenResource(chance.choice(closures))
                    batch.append(cancel if chance.random() < 0.5 else reopen)
                case _:
                    starts = chance.randint(8, 15)
                    batch.append(close(day, starts, starts + chance.randint(1, 4)))
        run(pipeline, worker, *batch)
        assert all_is_closed(pipeline)
        bookings = [row[0] for row in pipeline.rows("SELECT id FROM booking WHERE status = 'confirmed'")] or [0]
        closures = [row[0] for row in pipeline.rows("SELECT id FROM closure")] or [0]
        held = pipeline.rows("SELECT booking_id FROM claim WHERE booking_id IS NOT NULL ORDER BY 1")
        assert [row[0] for row in held] == sorted(id_ for id_ in bookings if id_)
    assert set(pipeline.codes(list(pipeline.outcomes()))) >= {
        "succeeded",
        "slot_taken",
        "already_closed",
    }
    assert pipeline.rows("SELECT FROM outcome WHERE status = 'failed'") == []


def test_a_hold_that_ran_out_makes_way_for_a_closure(pipeline: Pipeline, worker: Worker) -> None:
    run(pipeline, worker, book(10))
    pipeline.connection.execute(
        "UPDATE booking SET status = 'held', hold_expires_at = %s", (datetime(2020, 1, 1, tzinfo=UTC),)
    )
    (id_,) = run(pipeline, worker, close())
    assert body(pipeline, id_)["bookings_in_the_way_count"] == 0
    assert pipeline.rows("SELECT status FROM booking") == [("expired",)]
    assert all_is_closed(pipeline)
