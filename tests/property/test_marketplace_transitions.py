"""Every transition that the marketplace document allows happens, and no other, for every caller in any order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.bookings.status import PaymentStatus, Status
from core.domain.commands import ENGINE, Actor, ActorKind, Cancel, ChangeStatus, Command, Delete, ExpireDue, MoveOn
from core.domain.events import BookingChanged, BookingUnchanged, Event
from core.domain.marketplace.commands import AmendBooking, MoveBooking, TurnBooking, Verb
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.verbs import can_be_canceled, can_be_rescheduled, role_of
from core.domain.refusals import CommandRefused, Refusal
from core.domain.values import Booking, Policy
from tests.support.clients.marketplace import market_service, market_state, practitioner
from tests.support.values import booking, decided, envelope, user

DOCUMENT = {
    # the marketplace document, "Valid Transitions", in the engine's words
    Status.DRAFT: {Status.HELD, Status.CANCELLED},
    Status.HELD: {Status.CONFIRMED, Status.CANCELLED},
    Status.CONFIRMED: {Status.IN_PROGRESS, Status.CANCELLED, Status.NO_SHOW},
    Status.IN_PROGRESS: {Status.COMPLETED, Status.NO_SHOW},
}
ADDED = {(Status.HELD, Status.EXPIRED), (Status.CONFIRMED, Status.COMPLETED)}
"""Of the three additions; the third needs a late payment."""
ALLOWED = {(present, to) for present, onward in DOCUMENT.items() for to in onward} | ADDED

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
BEFORE, AFTER = START - timedelta(days=3), START + timedelta(minutes=30)
CLIENT, PRACTITIONER, STAFF = Actor(ActorKind.USER, 1), Actor(ActorKind.USER, 3), Actor(ActorKind.STAFF, 2)
OTHER_USER = Actor(ActorKind.USER, 9)
TARGET = {
    Verb.CONFIRM: Status.CONFIRMED,
    Verb.COMPLETE: Status.COMPLETED,
    Verb.NO_SHOW: Status.NO_SHOW,
    Verb.CANCEL: Status.CANCELLED,
}


def session(status: Status, **changes: Any) -> Booking:
    details = MarketDetails(Kind.INDIVIDUAL, practitioner_id=1, practitioner_user_id=3)
    given: dict[str, Any] = {
        "contract": "marketplace",
        "service_id": 2,
        "resource_id": 101,
        "starts_at": START,
        "ends_at": START + timedelta(hours=1),
        "local_date": START.date(),
        "local_time": START.time(),
        "created_at": BEFORE - timedelta(days=1),
        "status": status,
        "hold_expires_at": START if status is Status.HELD else None,
        "details": details,
    }
    return booking(**{**given, **changes})


def asked(one: Booking, command: Command, actor: Actor, now: datetime, policy: Policy) -> tuple[Event, ...]:
    known = market_state(
        practitioner(), services=[market_service()], bookings=[one], users=[user(1), user(2), user(3)], policy=policy
    )
    return decided(known, envelope(command, actor, contract="marketplace"), now)


@pytest.mark.parametrize(("status", "verb"), list(product(Status, Verb)))
@pytest.mark.parametrize("actor", [CLIENT, PRACTITIONER, STAFF])
@pytest.mark.parametrize("now", [BEFORE, AFTER])
def test_a_verb_does_what_the_table_allows_and_says_why_it_does_not(
    status: Status, verb: Verb, actor: Actor, now: datetime
) -> None:
    last = asked(session(status), TurnBooking(1, verb), actor, now, Policy())[-1]
    assert outcome(last) == expected(status, verb, actor, now)


def outcome(last: Event) -> Status | Refusal | str:
    match last:
        case BookingChanged(booking=changed):
            return changed.status
        case BookingUnchanged():
            return "unchanged"
        case CommandRefused(refusal=refusal):
            return refusal
        case unexpected:
            raise AssertionError(unexpected)


def expected(status: Status, verb: Verb, actor: Actor, now: datetime) -> Status | Refusal | str:
    target = TARGET[verb]
    says_how_it_went = verb in {Verb.COMPLETE, Verb.NO_SHOW}
    if says_how_it_went and actor is CLIENT:
        return Refusal.VERB_FORBIDDEN
    if status is target and verb is not Verb.CANCEL:
        return "unchanged"
    if (status, target) not in ALLOWED:
        return Refusal.INVALID_TRANSITION
    if says_how_it_went and now < START:
        return Refusal.NOT_BEGUN
    if verb is Verb.CANCEL and now >= START:
        return Refusal.ALREADY_BEGUN
    if verb is Verb.CONFIRM and now >= START:
        return Refusal.HOLD_ENDED
    return target


@pytest.mark.parametrize("verb", Verb)
def test_to_other_users_the_booking_does_not_exist(verb: Verb) -> None:
    last = asked(session(Status.CONFIRMED), TurnBooking(1, verb), OTHER_USER, BEFORE, Policy())[-1]
    assert last == CommandRefused(Refusal.BOOKING_NOT_FOUND)


@pytest.mark.parametrize("paid", [PaymentStatus.PENDING, PaymentStatus.PROCESSING, PaymentStatus.FAILED])
def test_what_costs_something_is_confirmed_only_when_it_is_paid(paid: PaymentStatus) -> None:
    unpaid = session(Status.HELD, price_minor=5000, payment_status=paid)
    assert asked(unpaid, TurnBooking(1, Verb.CONFIRM), CLIENT, BEFORE, Policy())[-1] == CommandRefused(Refusal.UNPAID)
    settled = session(Status.HELD, price_minor=5000, payment_status=PaymentStatus.SUCCEEDED)
    assert outcome(asked(settled, TurnBooking(1, Verb.CONFIRM), CLIENT, BEFORE, Policy())[-1]) is Status.CONFIRMED


moments = st.timedeltas(-timedelta(days=4), timedelta(hours=3)).map(lambda delta: START + delta)


@given(
    status=st.sampled_from(Status),
    now=moments,
    made_after=st.booleans(),
    actor=st.sampled_from([CLIENT, PRACTITIONER, STAFF]),
)
def test_can_be_canceled_and_rescheduled_say_what_happens(
    status: Status,
    now: datetime,
    made_after: bool,  # noqa: FBT001 - drawn
    actor: Actor,
) -> None:
    """Computed for each reader by the policy that decides. What was made after its start has no deadline."""
    made = START + timedelta(days=1) if made_after else BEFORE - timedelta(days=1)
    one = session(status, created_at=made, hold_expires_at=datetime.max.replace(tzinfo=UTC))
    policy = Policy(allow_past=True)
    cancelled = asked(one, TurnBooking(1, Verb.CANCEL), actor, now, policy)[-1]
    assert can_be_canceled(one, now) == isinstance(cancelled, BookingChanged)
    moved = asked(one, MoveBooking(1, START + timedelta(hours=2), START + timedelta(hours=3)), actor, now, policy)[-1]
    assert can_be_rescheduled(one, role_of(actor, one), now, policy) == isinstance(moved, BookingChanged)


@st.composite
def commands(draw: st.DrawFn) -> tuple[Command, Actor, timedelta]:
    hour = START + timedelta(hours=draw(st.integers(0, 5)))
    asked_for: list[Command] = [
        *(TurnBooking(1, verb) for verb in Verb),
        MoveBooking(1, hour, hour + timedelta(hours=1)),
        AmendBooking(1, title="Other"),
        Cancel(1),
        Delete(1),
        *(ChangeStatus(1, to) for to in (Status.CONFIRMED, Status.COMPLETED, Status.CANCELLED)),
        ExpireDue((1,)),
        MoveOn((1,)),
    ]
    one = draw(st.sampled_from(asked_for))
    actors = [ENGINE] if isinstance(one, ExpireDue | MoveOn) else [CLIENT, PRACTITIONER, STAFF, OTHER_USER]
    if isinstance(one, ChangeStatus | Delete):
        actors = [STAFF]
    return one, draw(st.sampled_from(actors)), draw(st.timedeltas(timedelta(0), timedelta(hours=30)))


@settings(max_examples=300, deadline=None)
@given(history=st.lists(commands(), max_size=12), first=st.sampled_from([Status.DRAFT, Status.HELD, Status.CONFIRMED]))
def test_no_history_takes_a_way_that_the_table_does_not_have(
    history: list[tuple[Command, Actor, timedelta]], first: Status
) -> None:
    known = market_state(
        practitioner(),
        services=[market_service()],
        bookings=[session(first)],
        users=[user(1), user(2), user(3)],
        policy=Policy(allow_past=True),
    )
    now, present = BEFORE, first
    for command, actor, passed in history:
        now += passed
        for was, to in changes(decided(known, envelope(command, actor, contract="marketplace"), now)):
            assert was is present
            assert was is to or (was, to) in ALLOWED
            present = to


def changes(events: tuple[Event, ...]) -> Iterator[tuple[Status, Status]]:
    return ((event.was, event.booking.status) for event in events if isinstance(event, BookingChanged))
