"""`/ws/calendar/`: everybody sees the slots, nobody sees whose they are but their owner and staff."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest

from core.domain.bookings.status import Status
from core.domain.commands import (
    Actor,
    ActorKind,
    Cancel,
    ChangeSlot,
    ChangeStatus,
    CloseResource,
    Delete,
    IfBooked,
    MoveToSlot,
    OfferSlot,
    OfferWeekly,
    RemoveSlot,
    ReopenResource,
)
from core.store.feed import number_events
from core.store.inbox.acceptance import NewCommand
from tests.integration.notifier.conftest import Narrowed
from tests.support.engine.calendar_lanes import (
    CLARA,
    HALL,
    HOUR,
    TEN,
    book,
    by_staff,
    by_user,
    run,
    slot_at,
    with_calendar,
)
from tests.support.engine.lanes import Pipeline, new
from tests.support.notifier import STAFF, USER, Listener, Running, at, running_notifier
from tests.support.values import by_phone, place

CALENDAR = "/ws/calendar/"


@pytest.fixture
def calendar(pipeline: Pipeline) -> Pipeline:
    return with_calendar(pipeline)


@pytest.fixture
def populated(calendar: Pipeline) -> Pipeline:
    return calendar


@pytest.fixture
def limits(limits: Narrowed) -> Narrowed:
    return {**limits, "authentication_s": 0.2}


def do(pipeline: Pipeline, *commands: Any) -> None:
    run(pipeline, *commands)
    number_events(pipeline.connection)


def slot(id_: int, start: str = "10", *, booked: bool = False, mine: bool = False, **more: int) -> dict[str, Any]:
    return {
        "id": id_,
        "category": {"id": 1, "name": "Cat 1"},
        "start_time": f"2025-10-20T{start}:00:00Z",
        "end_time": f"2025-10-20T{int(start) + 1}:00:00Z",
        "is_booked": booked,
        "booked_by_me": mine,
        **more,
    }


def heard(listener: Listener, count: int) -> list[tuple[str, dict[str, Any]]]:
    messages = [listener.next() for _ in range(count)]
    return [(message["type"], message["data"]) for message in messages]


def booking_id(pipeline: Pipeline) -> int:
    (id_,) = pipeline.row("SELECT max(id) FROM booking")
    return int(id_)


def test_an_unauthenticated_socket_hears_nothing_and_is_closed(running: Running) -> None:
    with running.listen(CALENDAR) as anonymous:
        assert anonymous.close_code() == 4401


def test_an_agent_s_key_does_not_open_the_calendar(running: Running) -> None:
    status, body = running.refusal(CALENDAR, running.agent_key())
    assert (status, body["code"]) == (403, "forbidden")


def test_each_hears_once_of_a_booking_what_is_theirs_to_know(calendar: Pipeline, running: Running) -> None:
    with (
        running.listen(CALENDAR, running.cookie(USER)) as owner,
        running.listen(CALENDAR, running.cookie(CLARA)) as other,
        running.listen(CALENDAR, running.cookie(STAFF)) as staff,
    ):
        slot_id = slot_at(calendar, TEN)
        do(calendar, book(slot_id))
        booking = booking_id(calendar)
        do(calendar, by_user(Cancel(booking)))
        created = ("timeslot_created", slot(slot_id))
        assert heard(owner, 3) == [
            created,
            ("booking_created", slot(slot_id, booked=True, mine=True, booking_id=booking)),
            ("booking_cancelled", slot(slot_id, booking_id=booking)),
        ]
        assert heard(other, 3) == [
            created,
            ("booking_created", slot(slot_id, booked=True)),
            ("booking_cancelled", slot(slot_id)),
        ]
        assert heard(staff, 3) == [
            created,
            ("booking_created", slot(slot_id, booked=True, booking_id=booking)),
            ("booking_cancelled", slot(slot_id, booking_id=booking)),
        ]
        for one in (owner, other, staff):
            assert one.hears_nothing(0.1)


def test_staff_who_book_hear_that_it_is_theirs_and_only_that(calendar: Pipeline, running: Running) -> None:
    slot_id = slot_at(calendar, TEN)
    number_events(calendar.connection)
    running.catch_up_with(calendar)
    with running.listen(CALENDAR, running.cookie(STAFF)) as staff:
        do(calendar, book(slot_id, STAFF))
        mine = slot(slot_id, booked=True, mine=True, booking_id=booking_id(calendar))
        assert heard(staff, 1) == [("booking_created", mine)]
        assert staff.hears_nothing(0.1)


def test_a_client_that_was_away_hears_what_a_deleted_slot_was(calendar: Pipeline, running: Running) -> None:
    slot_id = slot_at(calendar, TEN)
    do(calendar, book(slot_id))
    running.catch_up_with(calendar)
    position = str(running.notifier.hub.head)
    do(calendar, by_staff(RemoveSlot(slot_id)))
    do(calendar, by_staff(OfferSlot(1, TEN, TEN + HOUR)))
    running.catch_up_with(calendar)
    (again,) = calendar.row("SELECT max(id) FROM time_slot")
    with running.listen(at(CALENDAR, position), running.cookie(CLARA)) as other:
        assert heard(other, 3) == [
            ("booking_cancelled", slot(slot_id)),
            ("timeslot_deleted", slot(slot_id)),
            ("timeslot_created", slot(again)),
        ]
        assert other.hears_nothing(0.1)
    with running.listen(at(CALENDAR, position), running.cookie(USER)) as owner:
        assert heard(owner, 1) == [("booking_cancelled", slot(slot_id, booking_id=booking_id(calendar)))]


def test_a_slot_that_moves_is_told_with_its_new_time_and_still_booked(calendar: Pipeline, running: Running) -> None:
    slot_id = slot_at(calendar, TEN)
    do(calendar, book(slot_id))
    running.catch_up_with(calendar)
    with running.listen(CALENDAR, running.cookie(CLARA)) as other, running.listen(CALENDAR, running.cookie(USER)) as me:
        do(calendar, by_staff(ChangeSlot(slot_id, 1, TEN + 3 * HOUR, TEN + 4 * HOUR, IfBooked.MOVE)))
        assert heard(other, 1) == [("timeslot_updated", slot(slot_id, "13", booked=True))]
        mine = slot(slot_id, "13", booked=True, mine=True, booking_id=booking_id(calendar))
        assert heard(me, 1) == [("timeslot_updated", mine)]


def test_a_booking_that_goes_to_another_slot_is_told_of_both_slots(calendar: Pipeline, running: Running) -> None:
    first, second = slot_at(calendar, TEN), slot_at(calendar, TEN + 3 * HOUR)
    do(calendar, book(first))
    running.catch_up_with(calendar)
    with running.listen(CALENDAR, running.cookie(CLARA)) as other, running.listen(CALENDAR, running.cookie(USER)) as me:
        do(calendar, by_staff(MoveToSlot(booking_id(calendar), second)))
        left = ("timeslot_updated", slot(first))
        assert heard(other, 2) == [left, ("timeslot_updated", slot(second, "13", booked=True))]
        mine = slot(second, "13", booked=True, mine=True, booking_id=booking_id(calendar))
        assert heard(me, 2) == [left, ("timeslot_updated", mine)]


def test_a_booking_that_is_over_is_no_news_until_it_is_deleted(calendar: Pipeline, running: Running) -> None:
    slot_id = slot_at(calendar, TEN)
    do(calendar, book(slot_id))
    running.catch_up_with(calendar)
    with running.listen(CALENDAR, running.cookie(CLARA)) as other:
        do(calendar, by_staff(ChangeStatus(booking_id(calendar), Status.COMPLETED)))
        do(calendar, by_staff(Delete(booking_id(calendar))))
        assert heard(other, 1) == [("booking_cancelled", slot(slot_id))]


def test_what_is_no_slot_is_not_for_the_calendar(calendar: Pipeline, running: Running) -> None:
    with running.listen(CALENDAR, running.cookie(USER)) as one:
        run(calendar, book(99), by_staff(RemoveSlot(99)))
        do(calendar, new(Cancel(1)))
        assert one.hears_nothing(0.2)


def test_a_slot_whose_resource_another_takes_turns_booked_and_back(calendar: Pipeline, running: Running) -> None:
    """By another category of the same hall, and by another contract."""
    mine, other = slot_at(calendar, TEN), slot_at(calendar, TEN, category=2)
    calendar.connection.execute("UPDATE category SET resource_id = 1 WHERE id = 1")
    at_desk = slot_at(calendar, TEN + 5 * HOUR)
    calendar.connection.execute("UPDATE category SET resource_id = 50 WHERE id = 1")
    number_events(calendar.connection)
    running.catch_up_with(calendar)
    with running.listen(CALENDAR, running.cookie(CLARA)) as clara:
        do(calendar, book(other))
        booked, turned = (("booking_created", other), ("timeslot_updated", mine))
        assert {(type_, data["id"], data["is_booked"]) for type_, data in heard(clara, 2)} == {
            (*booked, True),
            (*turned, True),
        }
        do(calendar, by_user(Cancel(booking_id(calendar))))
        assert {(type_, data["id"], data["is_booked"]) for type_, data in heard(clara, 2)} == {
            ("booking_cancelled", other, False),
            (*turned, False),
        }
        calendar.connection.execute("UPDATE category SET resource_id = 1 WHERE id = 1")
        do(calendar, place(TEN.date(), time(15), person=by_phone("555")))
        assert heard(clara, 1) == [("timeslot_updated", slot(at_desk, "15", booked=True))]
        do(calendar, by_staff(Delete(booking_id(calendar))))
        assert heard(clara, 1) == [("timeslot_updated", slot(at_desk, "15"))]
        assert clara.hears_nothing(0.1)


def test_a_slot_whose_resource_is_closed_turns_booked_and_back(calendar: Pipeline, running: Running) -> None:
    slot_id = slot_at(calendar, TEN)
    number_events(calendar.connection)
    running.catch_up_with(calendar)
    with running.listen(CALENDAR, running.cookie(CLARA)) as clara:
        do(calendar, by_staff_of_appointments(CloseResource(HALL, TEN.date(), TEN.date())))
        assert heard(clara, 1) == [("timeslot_updated", slot(slot_id, booked=True))]
        (closure_id,) = calendar.row("SELECT id FROM closure")
        do(calendar, by_staff_of_appointments(ReopenResource(closure_id)))
        assert heard(clara, 1) == [("timeslot_updated", slot(slot_id))]


def by_staff_of_appointments(command: CloseResource | ReopenResource) -> NewCommand:
    return new(command, contract="appointments", actor=Actor(ActorKind.STAFF, STAFF))


def test_a_slot_offered_on_a_taken_resource_is_told_as_booked(calendar: Pipeline, running: Running) -> None:
    do(calendar, book(slot_at(calendar, TEN, category=2)))
    running.catch_up_with(calendar)
    with running.listen(CALENDAR, running.cookie(CLARA)) as clara:
        number = slot_at(calendar, TEN)
        number_events(calendar.connection)
        assert heard(clara, 1) == [("timeslot_created", slot(number, booked=True))]


def test_a_resumed_calendar_hears_exactly_what_a_live_one_heard(calendar: Pipeline, redis_url: str) -> None:
    """By the pages of seven events, from every third position on; for owner, another and staff alike."""
    with running_notifier(calendar.url, redis_url, poll_s=0.02, first_message_s=0.05, page_events=7) as running:
        listeners = {who: running.cookie(who) for who in (USER, CLARA, STAFF)}
        with (
            running.listen(CALENDAR, listeners[USER]) as owner,
            running.listen(CALENDAR, listeners[CLARA]) as other,
            running.listen(CALENDAR, listeners[STAFF]) as staff,
        ):
            do(calendar, by_staff(OfferWeekly(1, date(2025, 10, 20), date(2025, 10, 20), (0,), 9 * 60, 15 * 60, 60)))
            slots = [row[0] for row in calendar.rows("SELECT id FROM time_slot ORDER BY id")]
            do(calendar, *(book(id_, USER if id_ % 2 else STAFF) for id_ in slots))
            do(calendar, *(by_staff(RemoveSlot(id_)) for id_ in slots[:3]))
            (head,) = calendar.row("SELECT last_position FROM feed")
            live = {
                who: [one.next() for _ in range(6 + 6 + 3 + 3)]
                for who, one in ((USER, owner), (CLARA, other), (STAFF, staff))
            }
        epoch = running.notifier.hub.epoch
        for who, messages in live.items():
            for start in range(0, head, 3):
                missed = [one for one in messages if int(one["position"].split("-")[1]) > start]
                with running.listen(at(CALENDAR, f"{epoch}-{start}"), listeners[who]) as again:
                    assert [again.next() for _ in missed] == missed
