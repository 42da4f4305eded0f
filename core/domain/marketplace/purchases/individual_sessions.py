"""Individual sessions: one client, one practitioner, and a room where a location is given. Both or neither."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from core.domain.bookings.claims import claims_of
from core.domain.bookings.holds import ExpiredHolds, joined, make_way
from core.domain.command_handler import Handler
from core.domain.commands import Envelope
from core.domain.events import BookingPlaced, Event
from core.domain.ids import Ids
from core.domain.marketplace.availability import rule_against
from core.domain.marketplace.commands import BookIndividual
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.purchases.purchases import (
    details_of,
    new_purchase,
    paid_by_credit,
    purchase_needs,
    require_location,
    require_service,
    resolve_buyer,
    with_price,
)
from core.domain.marketplace.values import MarketService, Practitioner
from core.domain.needs import Needs
from core.domain.refusals import Refusal, Refused
from core.domain.state import State
from core.domain.values import Booking, ResourceTime


class SessionPlace(Struct, frozen=True):
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
    details = details_of(Kind.INDIVIDUAL, place.practitioner, command.words)
    details = placed_details(details, place, command.location_id)
    if command.use_credits:
        details = paid_by_credit(state, details, user.id, service, now)
    span = command.starts_at, command.ends_at
    booking = new_purchase(envelope, user.id, service, place.practitioner, details, span, now, ids)
    booking = with_price(state, booking, service.price_minor - details.discount_minor, now)
    return (*place.way, BookingPlaced(booking, claims_of(booking)))


def placed_details(details: MarketDetails, place: SessionPlace, location_id: int | None) -> MarketDetails:
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
) -> SessionPlace:
    """The practitioner asked for, or the first who is free. Raises `Refused` if there is none.

    `moving` is a booking that is moved: its own claims do not count.
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
"""Another client was faster. Where practitioners are refused for several reasons, the client is told this one."""


def candidates(state: State, service: MarketService, practitioner_id: int | None) -> list[Practitioner]:
    """The active practitioners who could give it, in the service's order."""
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
) -> SessionPlace:
    if refusal := rule_against(practitioner, starts_at, ends_at, now, allow_past=state.policy.allow_past):
        raise Refused(refusal)
    but = moving.id if moving else None
    way = make_way(state, practitioner.resource_id, *practitioner.claimed(starts_at, ends_at), now, but=but)
    if location_id is None:
        return SessionPlace(practitioner, None, way)
    room_id, room_way = find_room(state, location_id, starts_at, ends_at, now, moving)
    return SessionPlace(practitioner, room_id, joined((way, room_way)))


def find_room(
    state: State, location_id: int, starts_at: datetime, ends_at: datetime, now: datetime, moving: Booking | None = None
) -> tuple[int | None, ExpiredHolds]:
    """A free room of a location, or None if the location has no rooms. A booking that is moved keeps its room if it
    can.
    """
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
) -> Iterator[ResourceTime]:
    """The time of every practitioner who could give the session, and of every room."""
    service = state.market.services.get(service_id or 0)
    for practitioner in candidates(state, service, practitioner_id) if service else ():
        yield (practitioner.resource_id, *practitioner.claimed(starts_at, ends_at))
    location = state.market.locations.get(location_id or 0)
    for room_id in location.room_ids if location else ():
        yield room_id, starts_at, ends_at


def location_needs(needs: Needs, location_id: int | None) -> None:
    if location_id is not None:
        needs.market.locations.add(location_id)


def _needs(needs: Needs, command: BookIndividual) -> None:
    purchase_needs(needs, command.user_id, command.service_id)
    needs.market.spenders.add(command.user_id)
    location_needs(needs, command.location_id)


def _intervals(state: State, command: BookIndividual) -> Iterator[ResourceTime]:
    return session_intervals(
        state, command.service_id, command.practitioner_id, command.starts_at, command.ends_at, command.location_id
    )


HANDLERS = (Handler(BookIndividual, book_individual, _needs, _intervals),)
