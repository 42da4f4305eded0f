"""Time slots in PostgreSQL: written and read back by batches, and held by the constraints without them."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
import pytest

from core.domain.commands import (
    Actor,
    ActorKind,
    Cancel,
    ChangeSlot,
    IfBooked,
    OfferSlot,
    OfferWeekly,
    RemoveSlot,
)
from tests.support.engine.calendar_lanes import HOUR, TEN, book, by_staff, by_user, run, slot_at, with_calendar
from tests.support.engine.lanes import Background, Pipeline, lost_race_codes, meanwhile, new
from tests.support.notifier import STAFF


@pytest.fixture
def calendar(pipeline: Pipeline) -> Pipeline:
    return with_calendar(pipeline)


def booking_of(pipeline: Pipeline, slot_id: int) -> tuple[Any, ...]:
    return pipeline.row("SELECT id, status, starts_at FROM booking WHERE time_slot_id = %s", slot_id)


def claims(pipeline: Pipeline) -> list[tuple[Any, ...]]:
    return pipeline.rows("SELECT resource_id, lower(during), booking_id FROM claim ORDER BY 2")


def test_a_slot_is_offered_booked_cancelled_and_booked_again(calendar: Pipeline) -> None:
    slot_id = slot_at(calendar, TEN)
    assert run(calendar, book(slot_id), book(slot_id)) == ["succeeded", "slot_taken"]
    booking_id, status, starts_at = booking_of(calendar, slot_id)
    assert (status, starts_at) == ("confirmed", TEN)
    assert claims(calendar) == [(50, TEN, booking_id)]
    assert run(calendar, by_user(Cancel(booking_id))) == ["succeeded"]
    assert claims(calendar) == []
    assert run(calendar, book(slot_id)) == ["succeeded"]


def test_one_batch_may_offer_book_move_and_remove_the_same_slot(calendar: Pipeline) -> None:
    (before,) = calendar.row("SELECT coalesce(max(id), 0) FROM time_slot")
    first, second = before + 1, before + 2
    codes = run(
        calendar,
        by_staff(OfferSlot(1, TEN, TEN + HOUR)),
        by_staff(OfferSlot(1, TEN + HOUR, TEN + 2 * HOUR)),
        book(first),
        by_staff(RemoveSlot(second)),
        by_staff(ChangeSlot(first, 2, TEN + HOUR, TEN + 2 * HOUR, IfBooked.MOVE)),
        by_staff(OfferSlot(1, TEN + HOUR, TEN + 2 * HOUR)),
    )
    assert codes == ["succeeded"] * 6
    assert calendar.rows("SELECT id, category_id FROM time_slot WHERE deleted_at IS NULL ORDER BY id") == [
        (first, 2),
        (before + 3, 1),
    ]
    assert claims(calendar)[0][1] == TEN + HOUR


def test_removing_a_booked_slot_is_one_command_that_cancels_and_tells_both(calendar: Pipeline) -> None:
    slot_id = slot_at(calendar, TEN)
    run(calendar, book(slot_id))
    (command,) = calendar.put(by_staff(RemoveSlot(slot_id)))
    calendar.worker().visit_until_done()
    booking_id, status, _ = booking_of(calendar, slot_id)
    assert status == "cancelled"
    assert claims(calendar) == []
    status_, http_status, body = calendar.outcomes()[command]
    assert (status_, http_status, body["cancelled_booking_id"]) == ("succeeded", 200, booking_id)
    events = calendar.rows(
        "SELECT type, is_final, data->'slot'->>'id' FROM event WHERE command_id = %s ORDER BY n", command
    )
    assert events == [("booking_updated", False, str(slot_id)), ("timeslot_deleted", True, str(slot_id))]
    assert run(calendar, book(slot_id)) == ["time_slot_not_found"]


def test_removing_a_slot_whose_booking_was_paid_gives_the_money_back(calendar: Pipeline) -> None:
    """As when staff cancel it. Time slots have no price of their own yet; the rule does not ask where one came from."""
    slot_id = slot_at(calendar, TEN)
    run(calendar, book(slot_id))
    (booking_id, _, _) = booking_of(calendar, slot_id)
    calendar.connection.execute("UPDATE booking SET price_minor = 5000, payment_status = 'succeeded'")
    paid = """INSERT INTO payment (id, booking_id, attempt, amount_minor, currency, state, intent_id, received_minor,
                                   created_at, updated_at)
              VALUES (gen_random_uuid(), %s, 1, 5000, 'usd', 'succeeded', 'pi_1', 5000, now(), now())"""
    calendar.connection.execute(paid, (booking_id,))
    assert run(calendar, by_staff(RemoveSlot(slot_id))) == ["succeeded"]
    assert calendar.row("SELECT state FROM payment WHERE booking_id = %s", booking_id) == ("refunding",)


def test_two_slots_of_a_batch_may_trade_places(calendar: Pipeline) -> None:
    first, second = slot_at(calendar, TEN), slot_at(calendar, TEN + 2 * HOUR)
    codes = run(
        calendar,
        by_staff(ChangeSlot(first, 1, TEN + 5 * HOUR, TEN + 6 * HOUR)),
        by_staff(ChangeSlot(second, 1, TEN, TEN + HOUR)),
        by_staff(ChangeSlot(first, 1, TEN + 2 * HOUR, TEN + 3 * HOUR)),
    )
    assert codes == ["succeeded"] * 3
    starts = calendar.rows("SELECT id, starts_at FROM time_slot ORDER BY id")
    assert starts == [(first, TEN + 2 * HOUR), (second, TEN)]


def test_a_year_of_slots_is_made_by_one_command(calendar: Pipeline) -> None:
    pattern = OfferWeekly(1, date(2025, 10, 20), date(2026, 10, 18), (0, 2, 4), 9 * 60, 15 * 60, 60)
    (command,) = calendar.put(by_staff(pattern))
    calendar.worker().visit_until_done()
    _, status, body = calendar.outcomes()[command]
    assert (status, body["created_count"], body["skipped_count"]) == (201, 52 * 3 * 6, 0)
    assert calendar.row("SELECT count(*) FROM time_slot") == (936,)
    assert run(calendar, by_staff(pattern)) == ["time_slot_overlaps"]


def test_the_database_keeps_slots_of_a_category_apart_whatever_the_code_does(calendar: Pipeline) -> None:
    insert = "INSERT INTO time_slot (category_id, starts_at, ends_at, created_at) VALUES (%s, %s, %s, now())"
    slot_at(calendar, TEN)
    with pytest.raises(psycopg.errors.ExclusionViolation):
        calendar.connection.execute(insert, (1, TEN + HOUR / 2, TEN + 2 * HOUR))
    calendar.connection.execute(insert, (2, TEN + HOUR / 2, TEN + 2 * HOUR))


def test_a_slot_that_another_lane_offers_meanwhile_refuses_the_second(
    calendar: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read as free, then taken: the constraint says no, and the batch is decided again."""
    insert = "INSERT INTO time_slot (category_id, starts_at, ends_at, created_at) VALUES (1, %s, %s, now())"
    with psycopg.connect(calendar.url, autocommit=True) as other:
        loads = meanwhile(monkeypatch, lambda: other.execute(insert, (TEN, TEN + HOUR)))
        assert run(calendar, by_staff(OfferSlot(1, TEN, TEN + HOUR))) == ["time_slot_overlaps"]
    assert loads == [2]


def test_lanes_that_cancel_bookings_and_remove_their_slots_at_once_do_not_deadlock(
    calendar: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same slots and bookings wanted from two lanes, in both orders."""
    calendar.lanes(2)
    pattern = OfferWeekly(1, date(2025, 10, 20), date(2025, 10, 20), (0,), 9 * 60, 17 * 60, 20)
    calendar.put(by_staff(pattern))
    for lane in (0, 1):
        calendar.worker().visit_until_done(lane)
    slots = [row[0] for row in calendar.rows("SELECT id FROM time_slot ORDER BY id")]
    calendar.put(*map(book, slots))
    for lane in (0, 1):
        calendar.worker().visit_until_done(lane)
    bookings = [row[0] for row in calendar.rows("SELECT id FROM booking ORDER BY id DESC")]
    assert len(bookings) == len(slots) == 24
    key = {
        calendar.lane_of(*calendar.put(new(Cancel(1), partition_key=name, contract="calendar"))): name
        for name in "abcdefgh"
    }
    cancels = [
        new(Cancel(id_), partition_key=key[0], contract="calendar", actor=Actor(ActorKind.STAFF, STAFF))
        for id_ in bookings
    ]
    removals = [
        new(RemoveSlot(id_), partition_key=key[1], contract="calendar", actor=Actor(ActorKind.STAFF, STAFF))
        for id_ in slots
    ]
    ids = calendar.put(*cancels, *removals)
    one, other, lost = calendar.worker(), calendar.worker(), lost_race_codes(monkeypatch)
    both = [Background(lambda: one.visit_until_done(0)), Background(lambda: other.visit_until_done(1))]
    for each in both:
        each.join()
    assert lost == []
    assert calendar.codes(ids) == ["succeeded"] * 48
    assert claims(calendar) == []
    assert calendar.charged() == {}
