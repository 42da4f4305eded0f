"""How events change a batch's state, so that the next command sees what the one before it did."""

from __future__ import annotations

from typing import assert_never

from core.domain.bookings.status import Status
from core.domain.events import (
    BookingChanged,
    BookingDeleted,
    BookingPlaced,
    BookingUnchanged,
    CanaryHeard,
    CommandDeferred,
    CommandStepped,
    CommonEvent,
    Event,
    NothingDue,
    PaymentChanged,
    PaymentMade,
    PaymentReady,
    PaymentUnchanged,
    ResourceClosed,
    ResourceReopened,
    SlotAvailabilityChanged,
    SlotChanged,
    SlotOffered,
    SlotRemoved,
    SlotUnchanged,
    UserCreated,
    WeeklyOffered,
)
from core.domain.marketplace.events import MarketEventBase
from core.domain.marketplace.evolve import evolve_market
from core.domain.refusals import CommandRefused
from core.domain.state import State
from core.domain.values import Booking, Claim


def evolve(state: State, event: Event) -> None:
    evolve_market(state, event)
    if not isinstance(event, MarketEventBase):
        _evolve(state, event)


def _evolve(state: State, event: CommonEvent) -> None:
    match event:
        case BookingPlaced(booking=booking, claims=claims):
            state.bookings[booking.id] = booking
            state.note_slot(booking)
            _note_hold(state, booking)
            _take(state, claims)
        case UserCreated(user=user):
            state.users[user.id] = user
            if user.phone_key:
                state.users_by_phone[user.phone_key] = user
        case BookingChanged(booking=booking, freed=freed, claims=claims):
            state.bookings[booking.id] = booking
            _note_hold(state, booking)
            if freed or claims:
                _free(state, booking)
            _take(state, claims)
        case BookingDeleted(booking=booking):
            state.bookings.pop(booking.id, None)
            _free(state, booking)
        case SlotOffered() | SlotChanged() | SlotRemoved() | ResourceClosed() | ResourceReopened():
            _offer(state, event)
        case PaymentMade(payment=payment) | PaymentChanged(payment=payment):
            state.payments[payment.id] = payment
        case (
            BookingUnchanged()
            | SlotUnchanged()
            | SlotAvailabilityChanged()
            | WeeklyOffered()
            | PaymentUnchanged()
            | PaymentReady()
            | CommandRefused()
            | CommandDeferred()
            | CommandStepped()
            | NothingDue()
            | CanaryHeard()
        ):
            pass
        case _ as unreachable:
            assert_never(unreachable)


def _offer(state: State, event: SlotOffered | SlotChanged | SlotRemoved | ResourceClosed | ResourceReopened) -> None:
    match event:
        case SlotOffered(slot=slot):
            state.slots[slot.id] = slot
            state.shared_slots.add(slot)
            state.timetable.add(slot)
        case SlotChanged(slot=slot, was=was):
            state.timetable.remove(was)
            state.slots[slot.id] = slot
            state.shared_slots.add(slot)
            state.timetable.add(slot)
        case SlotRemoved(slot=slot):
            del state.slots[slot.id]
            state.shared_slots.remove(slot.id)
            state.timetable.remove(slot)
        case ResourceClosed(closure=c):
            state.closures[c.id] = c
            _take(state, (Claim(c.resource.id, c.starts_at, c.ends_at, None, c.id),))
        case ResourceReopened(closure=c):
            state.closures.pop(c.id, None)
            state.give_back((None, c.id, None))


def _note_hold(state: State, booking: Booking) -> None:
    if booking.status is Status.HELD and booking.hold_expires_at is not None:
        state.holds[booking.user_id][booking.id] = booking.hold_expires_at
    else:
        state.holds[booking.user_id].pop(booking.id, None)


def _take(state: State, claims: tuple[Claim, ...]) -> None:
    for claim in claims:
        state.take(claim)


def _free(state: State, booking: Booking) -> None:
    state.give_back((booking.id, None, None))
