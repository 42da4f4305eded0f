"""Time slots whose resource somebody else takes: another category's booking, another contract's, a closure.

A calendar shows a slot as booked when it cannot be booked, whoever is in the way. So what takes a
resource's time, or gives it back, is news of every slot on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from core.domain.events import (
    BookingChanged,
    BookingDeleted,
    BookingPlaced,
    Event,
    ResourceClosed,
    ResourceReopened,
    SlotTurned,
)
from core.domain.state import State
from core.domain.values import Claim, Holder, TimeSlot

BookingEvent = BookingPlaced | BookingChanged | BookingDeleted
_ABOUT_TIME = (BookingPlaced, BookingChanged, BookingDeleted, ResourceClosed, ResourceReopened)


def turned_slots(state: State, events: Sequence[Event]) -> tuple[SlotTurned, ...]:
    """The slots that these events turn from free to taken or back, but for those that the bookings are made for."""
    if not state.sharing or not (about := [event for event in events if isinstance(event, _ABOUT_TIME)]):
        return ()
    own = {event.booking.time_slot_id for event in about if isinstance(event, BookingEvent)}
    gone = {one for event in about if (one := _gives_back(event)) is not None}
    new = list(chain.from_iterable(map(_takes, about)))
    found = (_turned(state, slot, gone, new) for slot in state.sharing.values() if slot.id not in own)
    return tuple(turn for turn in found if turn is not None)


def _turned(state: State, slot: TimeSlot, gone: set[Holder], new: Iterable[Claim]) -> SlotTurned | None:
    if state.holder_of(slot.id) is not None:
        return None
    before = state.claims[slot.category.resource.id].touching(slot.starts_at, slot.ends_at)
    was = bool(before)
    will = any(claim.holder not in gone for claim in before) or _is_taken(slot, new)
    return None if was == will else SlotTurned(slot, will)


def _is_taken(slot: TimeSlot, claims: Iterable[Claim]) -> bool:
    resource_id = slot.category.resource.id
    return any(c.resource_id == resource_id and c.overlaps(slot.starts_at, slot.ends_at) for c in claims)


def _gives_back(event: Event) -> Holder | None:
    match event:
        case BookingDeleted(booking=b):
            return b.id, None, None
        case BookingChanged(booking=b, freed=freed, claims=claims) if freed or claims:
            return b.id, None, None
        case ResourceReopened(closure=closure):
            return None, closure.id, None
        case _:
            return None


def _takes(event: Event) -> tuple[Claim, ...]:
    match event:
        case BookingPlaced(claims=claims) | BookingChanged(claims=claims):
            return claims
        case ResourceClosed(closure=c):
            return (Claim(c.resource.id, c.starts_at, c.ends_at, None, c.id),)
        case _:
            return ()
