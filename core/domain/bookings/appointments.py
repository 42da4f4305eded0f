"""Booking a named service at a local time of its resource (appointments, agent).

The checks run in the order that the contracts page gives: (fields and formats before the inbox)
off day, hours, taken.
"""

from __future__ import annotations

from datetime import datetime

from core.domain.bookings.claims import claims_wanted
from core.domain.bookings.holds import make_way
from core.domain.bookings.people import resolve_person
from core.domain.bookings.status import TAKES_TIME, PaymentStatus
from core.domain.commands import Envelope, Place
from core.domain.events import BookingPlaced, Event
from core.domain.ids import Ids
from core.domain.marketplace.details import MarketDetails
from core.domain.names import folded
from core.domain.refusals import Refusal, Refused
from core.domain.resources.local_time import MINUTE, instant, within_hours
from core.domain.resources.service_names import check_bookable, is_bookable
from core.domain.state import State
from core.domain.values import Booking, Claim, Resource, Rules, Service, User


def place(state: State, envelope: Envelope, command: Place, now: datetime, ids: Ids) -> tuple[Event, ...]:
    rules = _active(state)
    service, resource = _what(state, rules, command)
    check_bookable(service, command.service_name, state.policy, state.near)
    user, created = resolve_person(state, command.person, envelope.actor, now, ids)
    booking = _booking_wanted(command, envelope, user, service, resource, rules, now, ids)
    way = _way(state, booking, rules, resource, now)
    placed = BookingPlaced(booking, claims_of(booking))
    return (*way, *created, placed)


def wanted(state: State, command: Place) -> tuple[int, datetime, datetime] | None:
    """(resource id, start, end) that a command would claim, so that a batch loads those claims."""
    if state.rules is None:
        return None
    service, resource = _what(state, state.rules, command)
    starts_at = instant(command.date, command.time, resource.zone)
    if starts_at is None or not is_bookable(service, state.policy):
        return None
    return resource.id, starts_at, starts_at + _minutes(service, state.rules) * MINUTE


def _what(state: State, rules: Rules, command: Place) -> tuple[Service | None, Resource]:
    """A known service brings its resource; any other name books the desk."""
    service = state.services.get(folded(command.service_name))
    return service, state.resources[service.resource_id if service else rules.desk_id]


def _minutes(service: Service | None, rules: Rules) -> int:
    return (service.duration_minutes if service else None) or rules.duration_minutes


def _active(state: State) -> Rules:
    if state.rules is None or not state.rules.is_active:
        raise Refused(Refusal.NO_SETTINGS)
    return state.rules


def _booking_wanted(
    command: Place,
    envelope: Envelope,
    user: User,
    service: Service | None,
    resource: Resource,
    rules: Rules,
    now: datetime,
    ids: Ids,
) -> Booking:
    starts_at = instant(command.date, command.time, resource.zone)
    if starts_at is None:
        raise Refused(Refusal.LOCAL_TIME_SKIPPED)
    minutes = _minutes(service, rules)
    return Booking(
        id=ids.booking(),
        public_uuid=ids.uuid(),
        contract=envelope.contract,
        user_id=user.id,
        service_id=service.id if service else None,
        service_name=service.name if service else command.service_name,
        resource_id=resource.id,
        starts_at=starts_at,
        ends_at=starts_at + minutes * MINUTE,
        local_date=command.date,
        local_time=command.time,
        duration_minutes=minutes,
        status=command.status,
        payment_status=PaymentStatus.NONE,
        notes=command.notes,
        version=1,
        created_at=now,
        updated_at=now,
        command_id=envelope.id,
    )


def _way(state: State, booking: Booking, rules: Rules, resource: Resource, now: datetime) -> tuple[Event, ...]:
    """What must end for this booking; raises the first reason, in the contracts page's order, why it cannot be made."""
    takes_time = booking.status in TAKES_TIME
    if takes_time and not rules.allow_past and booking.starts_at <= now:
        raise Refused(Refusal.IN_THE_PAST)
    if rules.hours.is_off(booking.local_date):
        raise Refused(Refusal.OFF_DAY)
    if not within_hours(booking.starts_at, booking.ends_at, rules.hours, resource.zone):
        raise Refused(Refusal.OUTSIDE_WORKING_HOURS)
    return make_way(state, booking.resource_id, booking.starts_at, booking.ends_at, now) if takes_time else ()


def claims_of(booking: Booking) -> tuple[Claim, ...]:
    if booking.status not in TAKES_TIME:
        return ()
    if isinstance(booking.details, MarketDetails):
        return claims_wanted(booking, booking.details)
    return (Claim(booking.resource_id, booking.starts_at, booking.ends_at, booking.id),)
