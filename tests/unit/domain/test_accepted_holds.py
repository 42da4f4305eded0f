"""Staff accept a hold: while it stands, once, and never a part of a purchase alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.domain.bookings.status import PaymentStatus, Status
from core.domain.commands import AcceptHold
from core.domain.events import BookingChanged, BookingUnchanged
from core.domain.refusals import CommandRefused, Refusal
from core.domain.state import State
from tests.support.values import NOW, STAFF, booking, decided, envelope, state

HOUR = timedelta(hours=1)


def a_hold(**changes: Any) -> State:
    given: dict[str, Any] = {
        "status": Status.HELD,
        "payment_status": PaymentStatus.PENDING,
        "hold_expires_at": NOW + HOUR,
    }
    return state(bookings=[booking(price_minor=5000, **{**given, **changes})])


def test_an_accepted_hold_stands_and_is_owed_for_as_before() -> None:
    known = a_hold()
    (change,) = decided(known, envelope(AcceptHold(1), STAFF))
    assert isinstance(change, BookingChanged)
    assert (change.booking.status, change.booking.payment_status) == (Status.CONFIRMED, PaymentStatus.PENDING)
    assert (change.reason, change.freed) == ("accepted", False)
    assert isinstance(decided(known, envelope(AcceptHold(1), STAFF))[-1], BookingUnchanged)


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.EXPIRED, Status.COMPLETED, Status.DRAFT])
def test_what_is_no_hold_cannot_be_accepted(status: Status) -> None:
    assert refusal(a_hold(status=status)) is Refusal.INVALID_TRANSITION


def test_a_hold_that_has_run_out_cannot_be_accepted() -> None:
    assert refusal(a_hold(hold_expires_at=NOW)) is Refusal.HOLD_ENDED


def refusal(known: State) -> Refusal | None:
    last = decided(known, envelope(AcceptHold(1), STAFF))[-1]
    return last.refusal if isinstance(last, CommandRefused) else None
