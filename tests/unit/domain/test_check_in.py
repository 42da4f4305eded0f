"""Checking in: who may, and when."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from core.domain.bookings.status import Status
from core.domain.commands import Actor, ActorKind, CheckIn
from core.domain.events import BookingUnchanged, GuestArrived
from core.domain.refusals import CommandRefused, Refusal
from core.store.feed_events import event_rows
from tests.support.values import booking, decided, envelope, state

GUEST = Actor(ActorKind.USER, 1)
BOOKED = booking(contract="rooms")
MINUTE = timedelta(minutes=1)


def test_staff_are_told_that_the_guest_is_there() -> None:
    one = envelope(CheckIn(BOOKED.id), GUEST, contract="rooms")
    events = decided(state(bookings=[BOOKED]), one, BOOKED.starts_at)
    assert events == (GuestArrived(BOOKED), BookingUnchanged(BOOKED))
    arrived, answered = event_rows(one, events)
    assert (arrived.type, arrived.booking_id, arrived.is_final) == ("guest_arrived", BOOKED.id, False)
    assert answered.is_final


@pytest.mark.parametrize(
    ("now", "may"),
    [
        (BOOKED.starts_at - 61 * MINUTE, False),
        (BOOKED.starts_at - 60 * MINUTE, True),
        (BOOKED.ends_at - MINUTE, True),
        (BOOKED.ends_at, False),
    ],
)
def test_from_an_hour_before_the_start_to_the_end(now: datetime, *, may: bool) -> None:
    events = decided(state(bookings=[BOOKED]), envelope(CheckIn(BOOKED.id), GUEST), now)
    assert (events == (CommandRefused(Refusal.NO_CHECK_IN_NOW),)) is not may


def test_only_a_confirmed_booking_of_their_own() -> None:
    cancelled = booking(2, status=Status.CANCELLED)
    known = state(bookings=[BOOKED, cancelled])
    assert decided(known, envelope(CheckIn(2), GUEST), BOOKED.starts_at) == (CommandRefused(Refusal.NO_CHECK_IN_NOW),)
    other = envelope(CheckIn(BOOKED.id), Actor(ActorKind.USER, 3))
    assert decided(known, other, BOOKED.starts_at) == (CommandRefused(Refusal.BOOKING_NOT_FOUND),)
