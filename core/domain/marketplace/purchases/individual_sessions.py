"""Individual sessions: one client, one practitioner, and a room where a location is given. Both or neither."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from core.domain.bookings.claims import claims_wanted
from core.domain.bookings.holds import ExpiredHolds, joined, make_way
from core.domain.commands import Envelope
from core.domain.events import BookingPlaced, Event
from core.domain.ids import Ids
from core.domain.marketplace.availability import rule_against
from core.domain.marketplace.commands import BookIndividual
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.purchases.purchases import (
    details_of,
    matching_credit,
    new_booking,
    require_location,
    require_service,
    resolve_buyer,
    with_price,
)
from core.domain.marketplace.values import MarketService, Practitioner
from core.domain.refusals import Refusal, Refused
from core.domain.state import State
from core.domain.values import Booking

Interval = tuple[int, datetime, datetime]


class Place(Struct, frozen=True):
    """Where a session can be: a practitioner, a room if one is needed, and the lapsed holds that make way."""

    practitioner: Practitioner
    room_id: int | None
    way: ExpiredHolds


def book_individual(
    state: State, envelope: Envelope, command: BookIndividual, now: datetime, ids: Ids
) -> tuple[Event, ...]:
    service = require_service(state, command.service_id, Kind.INDIVIDUAL)
    user = resolve_buyer(state, envelope, command.user_id, now, ids)
    place = find_place(
        state, service, command.practitioner_id, command.starts_at, command.ends_at, command.location_id, now
    )
    credit = matching_credit(state, user.id, service.id, now) if command.use_credits else None
    details = replace(
        placed_details(details_of(Kind.INDIVIDUAL, place.practitioner, command.words), place, command.location_id),
        credit_id=credit.booking_id if credit else None,
        discount_minor=service.price_minor if credit else 0,
    )
    interval = command.starts_at, command.ends_at
    booking = new_booking(envelope, user.id, service, place.practitioner, details, interval, now, ids)
    booking = with_price(state, booking, 0 if credit else service.price_minor, now)
    return (*place.way, BookingPlaced(booking, claims_wanted(booking, details)))


def placed_details(details: MarketDetails, place: Place, location_id: int | None) -> MarketDetails:
    """Buffers as they are now: what is booked keeps what it claims when they change."""
    return replace(
        details,
        practitioner_id=place.practitioner.id,
        practitioner_user_id=place.practitioner.user_id,
        location_id=location_id,
        room_id=place.room_id,
        buffer_before_minutes=place.practitioner.buffer_before_minutes,
        buffer_after_minutes=place.practitioner.buffer_after_minutes,
    )


def find_place(
    state: State,
    service: MarketService,
    practitioner_id: int | None,
    starts_at: datetime,
    ends_at: datetime,
    location_id: int | None,
    now: datetime,
    moving: Booking | None = None,
) -> Place:
    """The practitioner asked for, or the first who is free. Raises `Refused` with the best reason there is.

    `moving` is a booking that is not in its own way.
    """
    if ends_at - starts_at != timedelta(minutes=service.minutes):
        raise Refused(Refusal.WRONG_DURATION)
    refusals: list[Refused] = []
    for practitioner in candidates(state, service, practitioner_id):
        try:
            return _place_with(state, practitioner, starts_at, ends_at, location_id, now, moving)
        except Refused as refused:
            refusals.append(refused)
    if not refusals:
        raise Refused(Refusal.PRACTITIONER_NOT_FOUND)
    raise next((one for one in refusals if one.event.refusal in _TAKEN), refusals[0])


_TAKEN = frozenset({Refusal.SLOT_TAKEN, Refusal.NO_ROOM_FREE})
"""Somebody was faster: of several practitioners' reasons that is the one to tell."""


def candidates(state: State, service: MarketService, practitioner_id: int | None) -> list[Practitioner]:
    """Who could give it, in the service's order."""
    wanted = service.practitioner_ids if practitioner_id is None else (practitioner_id,)
    found = (state.market.practitioners.get(id_) for id_ in wanted if id_ in service.practitioner_ids)
    return [practitioner for practitioner in found if practitioner is not None and practitioner.is_active]


def _place_with(
    state: State,
    practitioner: Practitioner,
    starts_at: datetime,
    ends_at: datetime,
    location_id: int | None,
    now: datetime,
    moving: Booking | None,
) -> Place:
    if refusal := rule_against(practitioner, starts_at, ends_at, now, allow_past=state.policy.allow_past):
        raise Refused(refusal)
    but = moving.id if moving else None
    way = make_way(state, practitioner.resource_id, *practitioner.claimed(starts_at, ends_at), now, but=but)
    if location_id is None:
        return Place(practitioner, None, way)
    room_id, room_way = find_room(state, location_id, starts_at, ends_at, now, moving)
    return Place(practitioner, room_id, joined((way, room_way)))


def find_room(
    state: State, location_id: int, starts_at: datetime, ends_at: datetime, now: datetime, moving: Booking | None = None
) -> tuple[int | None, ExpiredHolds]:
    """A free room of a location, the one a moving booking has already if it may; None where it has no rooms."""
    room_ids = require_location(state, location_id).room_ids
    if not room_ids:
        return None, ()
    for room_id in _own_first(room_ids, moving):
        try:
            return room_id, make_way(state, room_id, starts_at, ends_at, now, but=moving.id if moving else None)
        except Refused:
            continue
    raise Refused(Refusal.NO_ROOM_FREE)


def _own_first(room_ids: Sequence[int], moving: Booking | None) -> Sequence[int]:
    own = moving.details.room_id if moving and isinstance(moving.details, MarketDetails) else None
    return sorted(room_ids, key=lambda room_id: room_id != own)


def session_intervals(
    state: State,
    service_id: int | None,
    practitioner_id: int | None,
    starts_at: datetime,
    ends_at: datetime,
    location_id: int | None,
) -> Iterator[Interval]:
    """Whose time decides about a session: of everybody who could give it, and of every room."""
    service = state.market.services.get(service_id or 0)
    for practitioner in candidates(state, service, practitioner_id) if service else ():
        yield (practitioner.resource_id, *practitioner.claimed(starts_at, ends_at))
    location = state.market.locations.get(location_id or 0)
    for room_id in location.room_ids if location else ():
        yield room_id, starts_at, ends_at
