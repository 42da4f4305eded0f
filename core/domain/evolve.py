"""How events change a batch's state, so that each command sees what the ones before it did.

Events that are not in the table change nothing: they are answers, or news for the feed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from core.domain.bookings.status import Status
from core.domain.events import (
    BookingChanged,
    BookingDeleted,
    BookingPlaced,
    Event,
    PaymentChanged,
    PaymentMade,
    ResourceClosed,
    ResourceReopened,
    SlotChanged,
    SlotOffered,
    SlotRemoved,
    UserCreated,
)
from core.domain.marketplace.details import MarketDetails
from core.domain.marketplace.events import (
    CreditReturned,
    CreditsGranted,
    CreditsVoided,
    SeatOffered,
    SessionCancelled,
    SessionOpened,
    WaitingBegun,
    WaitingEnded,
)
from core.domain.marketplace.evolve import (
    begin_waiting,
    cancel_session,
    count,
    end_waiting,
    grant_credits,
    know_booking,
    open_session,
    void_credits,
)
from core.domain.state import State
from core.domain.values import Booking, Claim

E = TypeVar("E", bound=Event)


def evolve(state: State, event: Event) -> None:
    if (change := CHANGES.get(type(event))) is not None:
        change(state, event)


def _place(state: State, event: BookingPlaced) -> None:
    booking = event.booking
    state.bookings[booking.id] = booking
    state.note_slot(booking)
    _note_hold(state, booking)
    _take(state, event.claims)
    if isinstance(booking.details, MarketDetails):
        count(state, event)
        know_booking(state, booking)


def _change(state: State, event: BookingChanged) -> None:
    booking = event.booking
    state.bookings[booking.id] = booking
    state.note_slot(booking)
    _note_hold(state, booking)
    if event.freed or event.claims:
        state.give_back((booking.id, None, None))
    _take(state, event.claims)
    if isinstance(booking.details, MarketDetails):
        count(state, event)
        know_booking(state, booking)


def _delete(state: State, event: BookingDeleted) -> None:
    state.bookings.pop(event.booking.id, None)
    state.give_back((event.booking.id, None, None))
    if isinstance(event.booking.details, MarketDetails):
        count(state, event)


def _create_user(state: State, event: UserCreated) -> None:
    user = event.user
    state.users[user.id] = user
    if user.phone_key:
        state.users_by_phone[user.phone_key] = user


def _offer(state: State, event: SlotOffered | SlotChanged) -> None:
    state.slots[event.slot.id] = event.slot
    state.shared_slots.add(event.slot)
    state.timetable.add(event.slot)


def _change_slot(state: State, event: SlotChanged) -> None:
    state.timetable.remove(event.was)
    _offer(state, event)


def _remove_slot(state: State, event: SlotRemoved) -> None:
    del state.slots[event.slot.id]
    state.shared_slots.remove(event.slot.id)
    state.timetable.remove(event.slot)


def _close(state: State, event: ResourceClosed) -> None:
    closure = event.closure
    state.closures[closure.id] = closure
    state.take(Claim(closure.resource.id, closure.starts_at, closure.ends_at, None, closure.id))


def _reopen(state: State, event: ResourceReopened) -> None:
    state.closures.pop(event.closure.id, None)
    state.give_back((None, event.closure.id, None))


def _pay(state: State, event: PaymentMade | PaymentChanged) -> None:
    state.payments[event.payment.id] = event.payment


def _note_hold(state: State, booking: Booking) -> None:
    if booking.status is Status.HELD and booking.hold_expires_at is not None:
        state.holds[booking.user_id][booking.id] = booking.hold_expires_at
    else:
        state.holds[booking.user_id].pop(booking.id, None)


def _take(state: State, claims: tuple[Claim, ...]) -> None:
    for claim in claims:
        state.take(claim)


def _on(kind: type[E], change: Callable[[State, E], None]) -> tuple[type[E], Callable[[State, Any], None]]:
    return kind, change


_CHANGES = (
    _on(BookingPlaced, _place),
    _on(BookingChanged, _change),
    _on(BookingDeleted, _delete),
    _on(UserCreated, _create_user),
    _on(SlotOffered, _offer),
    _on(SlotChanged, _change_slot),
    _on(SlotRemoved, _remove_slot),
    _on(ResourceClosed, _close),
    _on(ResourceReopened, _reopen),
    _on(PaymentMade, _pay),
    _on(PaymentChanged, _pay),
    _on(SessionOpened, open_session),
    _on(SessionCancelled, cancel_session),
    _on(CreditsGranted, grant_credits),
    _on(CreditReturned, count),
    _on(CreditsVoided, void_credits),
    _on(WaitingBegun, begin_waiting),
    _on(WaitingEnded, end_waiting),
    _on(SeatOffered, end_waiting),
)
CHANGES: Mapping[type[Event], Callable[[State, Any], None]] = dict(_CHANGES)
