"""The rules, as a table: what a command does to a state at a moment.

Pure: the clock reading and fresh ids are arguments. The checks run in the order that the
contracts page gives: (fields and formats before the inbox) off day, hours, taken.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from core.domain.calendars import instant, within_hours
from core.domain.commands import (
    Actor,
    ActorKind,
    Canary,
    Cancel,
    ChangeStatus,
    Delete,
    Envelope,
    PersonById,
    PersonByPhone,
    Place,
)
from core.domain.events import (
    BookingChanged,
    BookingDeleted,
    BookingPlaced,
    BookingUnchanged,
    CanaryHeard,
    CommandRefused,
    Event,
    Refusal,
    UserCreated,
)
from core.domain.state import State
from core.domain.status import TAKES_TIME, PaymentStatus, Status, may_become
from core.domain.values import Booking, Claim, Resource, Rules, Service, User


class Ids(Struct, frozen=True):
    """Where fresh ids come from; the shell fills it from sequences and its random source."""

    booking: Callable[[], int]
    user: Callable[[], int]
    uuid: Callable[[], UUID]


class _Refused(Exception):  # noqa: N818 - a way out of a rule, not an error
    def __init__(self, refusal: Refusal, present: Status | None = None) -> None:
        self.event = CommandRefused(refusal, present)


def decide(state: State, envelope: Envelope, now: datetime, ids: Ids) -> tuple[Event, ...]:
    """What happens because of one command. A refusal is an event too; an exception is a bug."""
    try:
        return _decide(state, envelope, now, ids)
    except _Refused as refused:
        return (refused.event,)


def _decide(state: State, envelope: Envelope, now: datetime, ids: Ids) -> tuple[Event, ...]:
    if envelope.decide_before is not None and now >= envelope.decide_before:
        raise _Refused(Refusal.DECIDED_TOO_LATE)
    match envelope.command:
        case Place() as command:
            return _place(state, envelope, command, now, ids)
        case ChangeStatus(booking_id=booking_id, status=status):
            return _change(_booking(state, booking_id), status, envelope.actor, now)
        case Cancel(booking_id=booking_id, reason=reason):
            return _change(_owned(state, booking_id, envelope.actor), Status.CANCELLED, envelope.actor, now, reason)
        case Delete(booking_id=booking_id):
            return _delete(_booking(state, booking_id), envelope.actor, now)
        case Canary():
            return (CanaryHeard(),)
        case _ as unreachable:
            assert_never(unreachable)


def _place(state: State, envelope: Envelope, command: Place, now: datetime, ids: Ids) -> tuple[Event, ...]:
    rules = _active(state)
    service, resource = _what(state, rules, command)
    user, created = _person(state, command.person, envelope.actor, now, ids)
    booking = _booking_wanted(command, envelope, user, service, resource, rules, now, ids)
    _may_take(state, booking, rules, resource, now)
    placed = BookingPlaced(booking, _claims_of(booking))
    return (*created, placed)


def wanted(state: State, command: Place) -> tuple[int, datetime, datetime] | None:
    """(resource id, start, end) that a command would claim, so that a batch loads those claims."""
    if state.rules is None:
        return None
    service, resource = _what(state, state.rules, command)
    starts_at = instant(command.date, command.time, resource.zone)
    if starts_at is None:
        return None
    return resource.id, starts_at, starts_at + timedelta(minutes=_minutes(service, state.rules))


def _what(state: State, rules: Rules, command: Place) -> tuple[Service | None, Resource]:
    """A known service brings its resource; any other name books the desk."""
    service = state.services.get(command.service_name.casefold())
    return service, state.resources[service.resource_id if service else rules.desk_id]


def _minutes(service: Service | None, rules: Rules) -> int:
    return (service.duration_minutes if service else None) or rules.duration_minutes


def _active(state: State) -> Rules:
    if state.rules is None or not state.rules.is_active:
        raise _Refused(Refusal.NO_SETTINGS)
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
        raise _Refused(Refusal.LOCAL_TIME_SKIPPED)
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
        ends_at=starts_at + timedelta(minutes=minutes),
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


def _may_take(state: State, booking: Booking, rules: Rules, resource: Resource, now: datetime) -> None:
    """Raise the first reason, in the contracts page's order, why this booking cannot be made."""
    takes_time = booking.status in TAKES_TIME
    if takes_time and not rules.allow_past and booking.starts_at <= now:
        raise _Refused(Refusal.IN_THE_PAST)
    if rules.hours.is_off(booking.local_date):
        raise _Refused(Refusal.OFF_DAY)
    if not within_hours(booking.starts_at, booking.ends_at, rules.hours, resource.zone):
        raise _Refused(Refusal.OUTSIDE_WORKING_HOURS)
    if takes_time and state.is_taken(booking.resource_id, booking.starts_at, booking.ends_at):
        raise _Refused(Refusal.SLOT_TAKEN)


def _claims_of(booking: Booking) -> tuple[Claim, ...]:
    if booking.status not in TAKES_TIME:
        return ()
    return (Claim(booking.resource_id, booking.starts_at, booking.ends_at, booking.id),)


def _person(
    state: State, person: PersonById | PersonByPhone, actor: Actor, now: datetime, ids: Ids
) -> tuple[User, tuple[UserCreated, ...]]:
    """The user meant, made if a phone number is new.

    Users book for themselves only; strangers and agents never for privileged people.
    """
    if isinstance(person, PersonById):
        user = state.users.get(person.user_id)
    else:
        user = state.users_by_phone.get(person.phone_key)
        if user is None and actor.kind is ActorKind.USER:
            raise _Refused(Refusal.FORBIDDEN)
        if user is None:
            created = _new_user(person, now, ids)
            return created.user, (created,)
    if user is None or not user.is_active:
        raise _Refused(Refusal.USER_NOT_FOUND)
    if actor.kind is ActorKind.USER and user.id != actor.user_id:
        raise _Refused(Refusal.FORBIDDEN)
    if user.is_privileged and actor.kind in {ActorKind.ANONYMOUS, ActorKind.AGENT}:
        raise _Refused(Refusal.FORBIDDEN)
    return user, ()


def _new_user(person: PersonByPhone, now: datetime, ids: Ids) -> UserCreated:
    user = User(
        id=ids.user(),
        username=person.phone,
        first_name=person.first_name,
        last_name=person.last_name,
        email=person.email,
        phone=person.phone,
        phone_key=person.phone_key,
        gender=person.gender,
        country=person.country,
        is_active=True,
        is_staff=False,
        is_superuser=False,
        is_practitioner=False,
        date_joined=now,
    )
    return UserCreated(user, person.country_code)


def _booking(state: State, booking_id: int) -> Booking:
    if (booking := state.bookings.get(booking_id)) is None:
        raise _Refused(Refusal.BOOKING_NOT_FOUND)
    return booking


def _owned(state: State, booking_id: int, actor: Actor) -> Booking:
    """Somebody else's booking does not exist, except for staff and the engine."""
    booking = _booking(state, booking_id)
    if actor.kind not in {ActorKind.STAFF, ActorKind.ENGINE} and booking.user_id != actor.user_id:
        raise _Refused(Refusal.BOOKING_NOT_FOUND)
    return booking


def _change(booking: Booking, status: Status, actor: Actor, now: datetime, reason: str = "") -> tuple[Event, ...]:
    if booking.status == status:
        return (BookingUnchanged(booking),)
    if not may_become(booking.status, status):
        raise _Refused(Refusal.INVALID_TRANSITION, booking.status)
    return (_changed(booking, status, actor, now, reason),)


def _changed(booking: Booking, status: Status, actor: Actor, now: datetime, reason: str = "") -> BookingChanged:
    after = replace(booking, status=status, version=booking.version + 1, updated_at=now)
    freed = booking.status in TAKES_TIME and status not in TAKES_TIME
    return BookingChanged(after, booking.status, freed, actor.kind, reason)


def _delete(booking: Booking, actor: Actor, now: datetime) -> tuple[Event, ...]:
    if not may_become(booking.status, Status.CANCELLED):
        return (BookingDeleted(booking, actor.kind),)
    cancelled = _changed(booking, Status.CANCELLED, actor, now, "deleted")
    return (cancelled, BookingDeleted(cancelled.booking, actor.kind))
