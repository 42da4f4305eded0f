"""Bookings moved in PostgreSQL: what a lane loads for it, writes and tells, and what two lanes make of one booking."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.domain.commands import Cancel, MoveToSlot, MoveWithSlot, ReportVisit, Reschedule
from tests.support.engine.calendar_lanes import HOUR, TEN, book, by_staff, run, slot_at, with_calendar
from tests.support.engine.lanes import Pipeline, places
from tests.support.engine.market_data import PEOPLE, ROOM, STAFF
from tests.support.engine.shared_rows import lane, one_after_the_other
from tests.support.engine.shared_rows import run as run_lanes
from tests.support.values import book_room


@pytest.fixture
def calendar(pipeline: Pipeline) -> Pipeline:
    return with_calendar(pipeline)


def claims(pipeline: Pipeline) -> list[tuple[Any, ...]]:
    return pipeline.rows("SELECT resource_id, lower(during), booking_id FROM claim ORDER BY 2")


def test_a_moved_appointment_is_written_with_its_claim_and_told_with_the_place_it_leaves(pipeline: Pipeline) -> None:
    run_lanes(pipeline, lane(0, places(1)[0], STAFF))
    id_, starts_at = pipeline.row("SELECT id, starts_at FROM booking")
    later = starts_at + timedelta(days=1)
    run_lanes(pipeline, lane(1, Reschedule(id_, later), STAFF))
    assert pipeline.row("SELECT starts_at, local_date, version FROM booking") == (later, later.date(), 2)
    assert pipeline.row("SELECT lower(during), booking_id FROM claim") == (later, id_)
    (facts,) = pipeline.row("SELECT data FROM event WHERE type = 'booking_updated'")
    assert (facts["moved"], facts["left"]["day"], facts["place"]["day"]) == (
        True,
        str(starts_at.date()),
        str(later.date()),
    )


def test_a_room_is_loaded_for_a_booking_that_keeps_its_room(pipeline: Pipeline) -> None:
    pipeline.connection.execute((PEOPLE + ROOM).encode())
    run_lanes(pipeline, lane(0, book_room(), STAFF, "rooms"))
    id_, starts_at = pipeline.row("SELECT id, starts_at FROM booking")
    run_lanes(pipeline, lane(1, Reschedule(id_, starts_at + HOUR), STAFF))
    assert pipeline.row("SELECT local_time::text, details->>'ends', price_minor > 0 FROM booking") == (
        "10:00:00",
        "11:00:00",
        True,
    )


def test_a_booking_goes_to_another_time_slot_and_both_slots_are_told(calendar: Pipeline) -> None:
    first, second = slot_at(calendar, TEN), slot_at(calendar, TEN + 3 * HOUR)
    run(calendar, book(first))
    (id_,) = calendar.row("SELECT id FROM booking")
    assert run(calendar, by_staff(MoveToSlot(id_, second))) == ["succeeded"]
    assert calendar.row("SELECT time_slot_id, starts_at FROM booking") == (second, TEN + 3 * HOUR)
    assert claims(calendar) == [(50, TEN + 3 * HOUR, id_)]
    told = calendar.rows(
        "SELECT data->'slot'->>'id', data->'slot'->>'is_booked' FROM event WHERE data->'slot' IS NOT NULL ORDER BY batch_id, n"
    )
    assert told[-2:] == [(str(first), "false"), (str(second), "true")]
    assert run(calendar, book(first), book(second)) == ["succeeded", "slot_taken"]


def test_a_time_slot_goes_with_its_booking(calendar: Pipeline) -> None:
    first = slot_at(calendar, TEN)
    run(calendar, book(first))
    (id_,) = calendar.row("SELECT id FROM booking")
    moved = MoveWithSlot(id_, 2, TEN + 5 * HOUR, TEN + 7 * HOUR)
    assert run(calendar, by_staff(moved)) == ["succeeded"]
    assert calendar.row("SELECT category_id, starts_at, ends_at FROM time_slot") == (2, moved.starts_at, moved.ends_at)
    assert claims(calendar)[0][1:] == (moved.starts_at, id_)


def test_a_cancellation_that_waited_for_a_move_frees_the_slot_that_the_booking_went_to(
    calendar: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first look saw the old slot: the new one is looked up when the booking is locked."""
    first, second = slot_at(calendar, TEN), slot_at(calendar, TEN + 3 * HOUR)
    run(calendar, book(first))
    (id_,) = calendar.row("SELECT id FROM booking")
    calendar.lanes(8)
    move, cancel = lane(0, MoveToSlot(id_, second), STAFF, "calendar"), lane(1, Cancel(id_), STAFF, "calendar")
    assert one_after_the_other(calendar, monkeypatch, move, cancel) == ["succeeded", "succeeded"]
    assert (calendar.row("SELECT status, time_slot_id FROM booking"), claims(calendar)) == (("cancelled", second), [])
    (slot,) = calendar.row(
        "SELECT data->'slot' FROM event WHERE type = 'booking_updated' ORDER BY batch_id DESC, n DESC LIMIT 1"
    )
    assert (slot["id"], slot["is_booked"]) == (second, False)


def test_a_slot_that_a_booking_goes_to_is_taken_for_whoever_wanted_it_meanwhile(
    calendar: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = slot_at(calendar, TEN), slot_at(calendar, TEN + 3 * HOUR)
    run(calendar, book(first))
    (id_,) = calendar.row("SELECT id FROM booking")
    calendar.lanes(8)
    want = book(second)
    move = lane(0, MoveToSlot(id_, second), STAFF, "calendar")
    other = lane(1, want.command, want.actor, "calendar")
    assert one_after_the_other(calendar, monkeypatch, move, other) == ["succeeded", "slot_taken"]


def test_a_missed_booking_gives_its_time_back_and_is_in_the_audit_log(pipeline: Pipeline) -> None:
    run_lanes(pipeline, lane(0, places(1)[0], STAFF))
    (id_,) = pipeline.row("SELECT id FROM booking")
    run_lanes(pipeline, lane(0, ReportVisit(id_, came=False), STAFF))
    assert pipeline.row("SELECT status FROM booking") == ("no_show",)
    assert claims(pipeline) == []
    assert pipeline.row("SELECT action FROM audit_entry ORDER BY at DESC LIMIT 1") == ("booking.status_changed",)
