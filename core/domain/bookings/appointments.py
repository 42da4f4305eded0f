"""Booking a named service at a local time of its resource (docs/contracts/appointments.md, docs/contracts/agent.md).

Fields and formats were checked when the command was accepted. Then a booking is refused for the first of: off day,
outside hours, taken.
"""

from __future__ import annotations

from datetime import datetime

from core.domain.bookings.claims import claims_of
from core.domain.bookings.holds import make_way
from core.domain.bookings.new_booking import new_booking
from core.domain.bookings.people import resolve_person
from core.domain.bookings.status import TAKES_TIME
from core.domain.command_handler import Handler
from core.domain.commands import Envelope, PersonById, Place
from core.domain.events import BookingPlaced, Event
from core.domain.ids import Ids
from core.domain.names import folded
from core.domain.needs import Needs
from core.domain.refusals import Refusal, Refused
from core.domain.resources.local_time import MINUTE, instant, within_hours
from core.domain.resources.service_names import check_bookable, is_bookable
from core.domain.state import State
from core.domain.values import Booking, Resource, ResourceTime, Rules, Service


def place(state: State, envelope: Envelope, command: Place, now: datetime, ids: Ids) -> tuple[Event, ...]:
    rules = _active(state)
    service, resource = _what(state, rules, command)
    check_bookable(service, command.service_name, state.policy, state.near)
    user, created = resolve_person(state, command.person, envelope.actor, now, ids)
    starts_at = instant(command.date, command.time, resource.zone)
    if starts_at is None:
        raise Refused(Refusal.LOCAL_TIME_SKIPPED)
    booking = new_booking(
        envelope,
        now,
        ids,
        user_id=user.id,
        resource_id=resource.id,
        service_id=service.id if service else None,
        service_name=service.name if service else command.service_name,
        span=(starts_at, starts_at + _minutes(service, rules) * MINUTE),
        local_date=command.date,
        local_time=command.time,
        status=command.status,
        notes=command.notes,
    )
    way = _way(state, booking, rules, resource, now)
    return (*way, *created, BookingPlaced(booking, claims_of(booking)))


def place_needs(needs: Needs, command: Place) -> None:
    needs.services.add(folded(command.service_name))
    needs.new_bookings += 1
    person = command.person
    if isinstance(person, PersonById):
        needs.users.add(person.user_id)
    else:
        needs.phones.add(person.phone_key)
        needs.new_users += 1


def place_intervals(state: State, command: Place) -> tuple[ResourceTime, ...]:
    if state.rules is None:
        return ()
    service, resource = _what(state, state.rules, command)
    starts_at = instant(command.date, command.time, resource.zone)
    if starts_at is None or not is_bookable(service, state.policy):
        return ()
    return ((resource.id, starts_at, starts_at + _minutes(service, state.rules) * MINUTE),)


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


def _way(state: State, booking: Booking, rules: Rules, resource: Resource, now: datetime) -> tuple[Event, ...]:
    """What must end for this booking. Raises `Refused` with the first reason against it."""
    takes_time = booking.status in TAKES_TIME
    if takes_time and not rules.allow_past and booking.starts_at <= now:
        raise Refused(Refusal.IN_THE_PAST)
    if rules.hours.is_off(booking.local_date):
        raise Refused(Refusal.OFF_DAY)
    if not within_hours(booking.starts_at, booking.ends_at, rules.hours, resource.zone):
        raise Refused(Refusal.OUTSIDE_WORKING_HOURS)
    return make_way(state, booking.resource_id, booking.starts_at, booking.ends_at, now) if takes_time else ()


HANDLERS = (Handler(Place, place, place_needs, place_intervals),)
