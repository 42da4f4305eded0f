"""What may be bought in the marketplace and what clients may change of it: rules that a fast test holds."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from core.domain.bookings.status import Status
from core.domain.commands import ENGINE, Actor, ActorKind, CloseResource, Command
from core.domain.events import BookingChanged, BookingPlaced, Event, ResourceClosed
from core.domain.marketplace.commands import AmendBooking, BookCourse, BookIndividual
from core.domain.marketplace.details import Cancellation, Kind, MarketDetails
from core.domain.marketplace.purchases.purchase_parts import with_purchase_changes
from core.domain.marketplace.values import Location, ServiceSession
from core.domain.marketplace.verbs import Role
from core.domain.refusals import CommandRefused, Refusal
from core.domain.state import State
from tests.support.clients.marketplace import market_service, market_state, practitioner
from tests.support.values import DESK, NOW, STAFF, booking, decided, envelope, state, user

CLIENT, PRACTITIONER, NOBODY = (Actor(ActorKind.USER, id_) for id_ in (1, 3, 5))
HOUR = timedelta(hours=1)
TEN = datetime(2025, 10, 20, 10, tzinfo=NOW.tzinfo)


def do(known: State, command: Command, actor: Actor = CLIENT) -> tuple[Event, ...]:
    return decided(known, envelope(command, actor, contract="marketplace"))


def refused(known: State, command: Command, actor: Actor = CLIENT) -> Refusal | None:
    last = do(known, command, actor)[-1]
    return last.refusal if isinstance(last, CommandRefused) else None


@pytest.mark.parametrize(("is_active", "why"), [(True, None), (False, Refusal.LOCATION_NOT_FOUND)])
def test_nothing_is_booked_at_a_location_that_is_closed(*, is_active: bool, why: Refusal | None) -> None:
    known = market_state(services=[market_service(price_minor=0)])
    known.market.locations = {4: Location(4, "House", "Street 1", is_active)}
    assert refused(known, BookIndividual(1, 2, TEN, TEN + HOUR, 1, location_id=4)) is why
    assert (
        refused(known, BookIndividual(1, 2, TEN + HOUR, TEN + 2 * HOUR, 1, location_id=9)) is Refusal.LOCATION_NOT_FOUND
    )


def course(sessions: int, *, cancelled: int = 0) -> State:
    known = market_state(services=[market_service(kind=Kind.COURSE, price_minor=0)])
    for number in range(sessions):
        starts = TEN + number * timedelta(days=1)
        known.market.sessions[number] = ServiceSession(
            number, 2, 1, None, None, "", starts, starts + HOUR, 5, 0, number < cancelled
        )
    return known


@pytest.mark.parametrize(
    ("sessions", "asked", "why"),
    [
        (2, 2, None),
        (2, 3, None),
        (2, 1, Refusal.CHANGED_MEANWHILE),
        (1, 0, Refusal.CHANGED_MEANWHILE),
        (0, 2, Refusal.SESSION_NOT_FOUND),
    ],
)
def test_a_course_is_bought_with_no_more_sessions_than_its_buyer_was_shown(
    sessions: int, asked: int, why: Refusal | None
) -> None:
    assert refused(course(sessions), BookCourse(1, 2, asked)) is why


def test_a_course_is_a_seat_in_each_session_that_is_not_cancelled() -> None:
    events = do(course(3, cancelled=1), BookCourse(1, 2, 2))
    placed = [event.booking for event in events if isinstance(event, BookingPlaced)]
    *children, parent = placed
    assert [child.details.session_id for child in children if isinstance(child.details, MarketDetails)] == [1, 2]
    assert (parent.starts_at, parent.ends_at) == (children[0].starts_at, children[-1].ends_at)
    assert {child.status for child in children} == {parent.status} == {Status.CONFIRMED}


def session(**changes: Any) -> State:
    details = MarketDetails(Kind.INDIVIDUAL, 1, 3)
    given = {"contract": "marketplace", "starts_at": TEN, "service_id": 2, "resource_id": 101, "details": details}
    return market_state(practitioner(), bookings=[booking(1, **{**given, **changes})], users=[user(), user(5)])


def amended(field: str, value: str, **more: Any) -> AmendBooking:
    fields: dict[str, Any] = {field: value, **more}
    return AmendBooking(1, **fields)


@pytest.mark.parametrize(
    ("by", "actor", "role"),
    [
        (ENGINE.kind, CLIENT, Role.SYSTEM),
        (ActorKind.USER, CLIENT, Role.CLIENT),
        (ActorKind.USER, PRACTITIONER, Role.PRACTITIONER),
        (ActorKind.STAFF, STAFF, Role.ADMIN),
        (ActorKind.USER, NOBODY, Role.ADMIN),
    ],
)
def test_a_cancellation_says_whose_it_was(by: ActorKind, actor: Actor, role: Role) -> None:
    """Somebody's command may end a hold that has run out: that is the engine's doing."""
    known = session()
    gone = replace(known.bookings[1], status=Status.CANCELLED)
    (change,) = with_purchase_changes(known, actor, [BookingChanged(gone, Status.CONFIRMED, True, by, "ill")], NOW)
    assert isinstance(change, BookingChanged)
    assert isinstance(change.booking.details, MarketDetails)
    assert change.booking.details.cancellation == Cancellation(role, "ill")


@pytest.mark.parametrize("was", [Status.CANCELLED, Status.EXPIRED])
def test_what_had_ended_before_is_signed_by_nobody_else(was: Status) -> None:
    known = session()
    still = replace(known.bookings[1], status=Status.CANCELLED)
    (change,) = with_purchase_changes(known, CLIENT, [BookingChanged(still, was, False, ActorKind.USER)], NOW)
    assert isinstance(change, BookingChanged)
    assert isinstance(change.booking.details, MarketDetails)
    assert change.booking.details.cancellation is None


@pytest.mark.parametrize("field", ["title", "description", "client_notes", "timezone"])
def test_clients_change_their_own_words(field: str) -> None:
    (change,) = do(session(), amended(field, "Europe/Rome"))
    assert isinstance(change, BookingChanged)
    assert getattr(change.booking.details, field) == "Europe/Rome"


@pytest.mark.parametrize("field", ["meeting_url", "meeting_id"])
def test_how_to_meet_is_for_the_practitioner_and_staff_to_change(field: str) -> None:
    amend = amended(field, "https://meet.example.com/1")
    assert refused(session(), amend) is Refusal.VERB_FORBIDDEN
    assert refused(session(), amended(field, "x", title="Mine")) is Refusal.VERB_FORBIDDEN
    assert refused(session(), AmendBooking(1, location_id=None)) is Refusal.VERB_FORBIDDEN
    assert refused(session(), amend, PRACTITIONER) is None
    assert refused(session(), amend, STAFF) is None
    assert refused(session(), amend, NOBODY) is Refusal.BOOKING_NOT_FOUND


@pytest.mark.parametrize(
    ("starts", "ends", "is_closed"),
    [(time(10), time(11), True), (time(10), time(10), False), (time(11), time(10), False), (None, None, True)],
)
def test_a_closure_takes_time(starts: time | None, ends: time | None, *, is_closed: bool) -> None:
    day = date(2025, 10, 20)
    last = do(state(resources=[DESK]), CloseResource(DESK.id, day, day, starts, ends), STAFF)[-1]
    assert isinstance(last, ResourceClosed if is_closed else CommandRefused)
