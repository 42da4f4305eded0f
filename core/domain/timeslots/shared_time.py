"""Time slots whose resource is taken by others: a booking of another category or contract, or a closure.

A calendar shows a slot as booked when it cannot be booked, for whatever reason. So what takes a resource's time, or
gives it back, changes every slot on it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from core.domain.events import (
    BookingChanged,
    BookingDeleted,
    BookingPlaced,
    Event,
    ResourceClosed,
    ResourceReopened,
    SlotAvailabilityChanged,
)
from core.domain.resources.claim_index import ClaimIndex
from core.domain.state import State
from core.domain.values import Claim, Holder, TimeSlot

BookingEvent = BookingPlaced | BookingChanged | BookingDeleted
_ABOUT_TIME = (BookingPlaced, BookingChanged, BookingDeleted, ResourceClosed, ResourceReopened)


def availability_changes(state: State, events: Sequence[Event]) -> tuple[SlotAvailabilityChanged, ...]:
    """The slots that become taken or free by these events, but for those that the bookings are made for."""
    if not state.shared_slots or not (about := [event for event in events if isinstance(event, _ABOUT_TIME)]):
        return ()
    own = {event.booking.time_slot_id for event in about if isinstance(event, BookingEvent)}
    gone = {holder for event in about if (holder := _gives_back(event)) is not None}
    new = list(chain.from_iterable(map(_takes, about)))
    taken: defaultdict[int, ClaimIndex] = defaultdict(ClaimIndex)
    for claim in new:
        taken[claim.resource_id].add(claim)
    found = (_change_of(state, slot, gone, taken) for slot in _touched(state, gone, new) if slot.id not in own)
    return tuple(change for change in found if change is not None)


def _touched(state: State, gone: Iterable[Holder], new: Iterable[Claim]) -> list[TimeSlot]:
    """The slots at the times that change hands; all others stay as they are."""
    changing = chain(new, chain.from_iterable(map(state.claims_of, gone)))
    slots = {
        slot.id: slot
        for claim in changing
        for slot in state.shared_slots.touching(claim.resource_id, claim.starts_at, claim.ends_at)
    }
    return [slots[id_] for id_ in sorted(slots)]


def _change_of(
    state: State, slot: TimeSlot, gone: set[Holder], new: Mapping[int, ClaimIndex]
) -> SlotAvailabilityChanged | None:
    if state.holder_of(slot.id) is not None:
        return None
    before = state.claims[slot.category.resource.id].touching(slot.starts_at, slot.ends_at)
    was = bool(before)
    will = any(claim.holder not in gone for claim in before) or _is_taken(slot, new)
    return None if was == will else SlotAvailabilityChanged(slot, will)


def _is_taken(slot: TimeSlot, new: Mapping[int, ClaimIndex]) -> bool:
    taken = new.get(slot.category.resource.id)
    return taken is not None and bool(taken.touching(slot.starts_at, slot.ends_at))


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
