"""What of a payment goes back, and to whom: rules that a fast test holds, beside the histories of tests/property."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from core.domain.bookings.claims import claims_of
from core.domain.bookings.status import PaymentStatus, Status
from core.domain.commands import (
    ENGINE,
    Actor,
    ActorKind,
    Cancel,
    Command,
    ReportGivenBack,
    ReportIntent,
    ReportRefund,
    RequestPayment,
)
from core.domain.events import BookingChanged, Event, PaymentChanged
from core.domain.payments.values import IntentStatus, Payment, PaymentState, RefundStatus
from core.domain.refusals import CommandRefused, Refusal
from core.domain.state import State
from core.domain.values import Booking, Policy
from tests.support.values import NOW, booking, decided, envelope, state

OWNER, STAFF = Actor(ActorKind.USER, 1), Actor(ActorKind.STAFF, 2)
STAFF_OF_THEIR_OWN = Actor(ActorKind.STAFF, 1)
NOTICE = timedelta(seconds=Policy().refund_notice_s)
PAID = UUID(int=7)


def a_payment(**changes: Any) -> Payment:
    given: dict[str, Any] = {
        "booking_id": 1,
        "attempt": 1,
        "amount_minor": 5000,
        "currency": "usd",
        "state": PaymentState.SUCCEEDED,
        "created_at": NOW,
        "updated_at": NOW,
        "intent_id": "pi_1",
        "received_minor": 5000,
    }
    return Payment(PAID, **{**given, **changes})


def paid_for(starts_at: datetime, payment: Payment | None = None, **changes: Any) -> State:
    given: dict[str, Any] = {
        "contract": "rooms",
        "starts_at": starts_at,
        "price_minor": 5000,
        "payment_status": PaymentStatus.SUCCEEDED,
        "created_at": NOW - timedelta(days=9),
    }
    one: Booking = booking(1, **{**given, **changes})
    known = state(bookings=[one])
    for claim in claims_of(one):
        known.take(claim)
    known.payments[PAID] = payment or a_payment()
    return known


def payment_after(known: State, command: Command, actor: Actor = ENGINE) -> Payment:
    decided(known, envelope(command, actor, contract="payments"))
    return known.payments[PAID]


@pytest.mark.parametrize(
    ("actor", "notice", "back"),
    [
        (OWNER, NOTICE, 5000),
        (OWNER, NOTICE - timedelta(minutes=1), 0),
        (STAFF, timedelta(minutes=1), 5000),
        (STAFF_OF_THEIR_OWN, timedelta(minutes=1), 0),
        (STAFF_OF_THEIR_OWN, NOTICE, 5000),
        (ENGINE, timedelta(minutes=1), 5000),
    ],
)
def test_a_late_cancellation_returns_money_unless_it_is_the_client_s_own(
    actor: Actor, notice: timedelta, back: int
) -> None:
    after = payment_after(paid_for(NOW + notice), Cancel(1), actor)
    assert (after.returning_minor, after.kept_minor) == (back, 5000 - back)
    assert after.state is (PaymentState.REFUNDING if back else PaymentState.SUCCEEDED)


def test_staff_pay_for_their_own_bookings_only() -> None:
    ask = RequestPayment(1, 5000, "usd")
    held = {"status": Status.HELD, "payment_status": PaymentStatus.PENDING, "hold_expires_at": NOW + NOTICE}
    known = paid_for(NOW + NOTICE, a_payment(state=PaymentState.OPEN, received_minor=0), **held)
    (refused,) = decided(known, envelope(ask, STAFF, contract="payments"))
    assert isinstance(refused, CommandRefused)
    assert refused.refusal is Refusal.BOOKING_NOT_FOUND
    assert not isinstance(decided(known, envelope(ask, STAFF_OF_THEIR_OWN, contract="payments"))[-1], CommandRefused)


@pytest.mark.parametrize(
    ("payment", "seen", "returning", "owed", "number"),
    [
        # 5000 came in; of what is asked for now and owed after it, no more is left than a person did not return
        ({"returning_minor": 3000, "owed_minor": 1000}, 500, 3000, 1000, 1),
        ({"returning_minor": 3000, "owed_minor": 1000}, 1500, 3000, 500, 1),
        ({"returning_minor": 3000, "owed_minor": 1000}, 2500, 2500, 0, 2),
        ({"returning_minor": 3000, "failed_minor": 1000}, 1000, 3000, 0, 1),
        ({"returning_minor": 3000, "failed_minor": 1000}, 2500, 2500, 0, 2),
        ({"returning_minor": 3000, "refunded_minor": 1500}, 1000, 3000, 0, 1),
    ],
)
def test_no_more_is_refunded_than_a_person_left(
    payment: dict[str, Any], seen: int, returning: int, owed: int, number: int
) -> None:
    given = a_payment(state=PaymentState.RETURNING, refund_number=1, **payment)
    after = payment_after(paid_for(NOW + NOTICE, given), ReportGivenBack(PAID, seen))
    assert (after.returning_minor, after.owed_minor, after.refund_number) == (returning, owed, number)
    assert after.refunded_minor + after.returning_minor + after.owed_minor + after.failed_minor <= after.received_minor


def test_what_is_kept_is_what_came_in_less_all_that_goes_or_went_back() -> None:
    one = a_payment(refunded_minor=400, returning_minor=300, owed_minor=200, failed_minor=100)
    assert one.kept_minor == 4000


def test_what_is_owed_is_asked_for_when_the_refund_before_it_is_through() -> None:
    known = paid_for(
        NOW + NOTICE,
        a_payment(state=PaymentState.RETURNING, returning_minor=1000, owed_minor=700, refund_number=1),
    )
    after = payment_after(known, ReportRefund(PAID, "re_1", RefundStatus.SUCCEEDED, 1000, 1))
    assert (after.refunded_minor, after.returning_minor, after.owed_minor, after.refund_number) == (1000, 700, 0, 2)
    again = payment_after(known, ReportRefund(PAID, "re_1", RefundStatus.SUCCEEDED, 1000, 1))
    assert again == after, "a report of the refund before is old news"


def late(**changes: Any) -> State:
    """Paid after the hold had expired."""
    expired = {"status": Status.EXPIRED, "payment_status": PaymentStatus.PENDING, "hold_expires_at": NOW - NOTICE}
    return paid_for(NOW + NOTICE, a_payment(state=PaymentState.OPEN, received_minor=0), **{**expired, **changes})


def receive(known: State, minor: int = 5000) -> tuple[Event, ...]:
    report = ReportIntent(PAID, "pi_1", IntentStatus.SUCCEEDED, minor)
    return decided(known, envelope(report, ENGINE, contract="payments"))


def test_a_late_payment_gets_its_time_again_while_it_is_free() -> None:
    known = late()
    receive(known)
    after = known.bookings[1]
    assert (after.status, after.payment_status) == (Status.CONFIRMED, PaymentStatus.SUCCEEDED)
    assert [claim.booking_id for claim in known.claims[after.resource_id]] == [1]
    assert known.payments[PAID].state is PaymentState.SUCCEEDED


def test_a_late_payment_whose_time_is_taken_goes_back_and_the_books_say_why() -> None:
    known = late()
    other = booking(2, starts_at=NOW + NOTICE, user_id=5)
    known.know_booking(other)
    for claim in claims_of(other):
        known.take(claim)
    events = receive(known)
    after = known.payments[PAID]
    assert (after.state, after.refund_reason, after.returning_minor) == (PaymentState.REFUNDING, "late_payment", 5000)
    assert (after.due_at, after.refund_number, after.received_minor) == (NOW, 1, 5000)
    (change,) = (event for event in events if isinstance(event, PaymentChanged))
    assert change.was is PaymentState.OPEN
    booked = known.bookings[1]
    assert (booked.status, booked.payment_status) == (Status.EXPIRED, PaymentStatus.SUCCEEDED)
    done = decided(
        known, envelope(ReportRefund(PAID, "re_1", RefundStatus.SUCCEEDED, 5000, 1), ENGINE, contract="payments")
    )
    assert known.payments[PAID].state is PaymentState.REFUNDED
    assert any(isinstance(event, BookingChanged) for event in done)
    assert known.bookings[1].payment_status is PaymentStatus.REFUNDED


def test_a_late_payment_for_what_its_payer_bought_again_goes_back() -> None:
    known = late()
    twice = booking(2, starts_at=NOW + NOTICE, contract="rooms", user_id=1)
    known.know_booking(twice)
    receive(known)
    assert known.payments[PAID].refund_reason == "already_booked"


@pytest.mark.parametrize(("minor", "reason"), [(4999, "amount_mismatch"), (5001, "amount_mismatch")])
def test_another_amount_than_was_asked_for_goes_back_whole(minor: int, reason: str) -> None:
    known = late(status=Status.HELD, hold_expires_at=NOW + NOTICE)
    receive(known, minor)
    after = known.payments[PAID]
    assert (after.refund_reason, after.returning_minor, after.kept_minor) == (reason, minor, 0)
    assert known.bookings[1].status is Status.HELD


def test_money_for_a_cancelled_booking_goes_back() -> None:
    known = late(status=Status.CANCELLED)
    receive(known)
    assert known.payments[PAID].refund_reason == "booking_cancelled"
