"""The people whose data a command holds. Under their names its body and outcome are found when they are anonymised."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from core.domain.command_table import needs_of
from core.domain.commands import CloseResource, Command, Envelope, Header, PersonById, PersonByPhone, Place
from core.domain.events import (
    BookingChanged,
    BookingDeleted,
    BookingPlaced,
    BookingUnchanged,
    Event,
    ResourceClosed,
    ResourceReopened,
)
from core.domain.marketplace.commands import OpenSession
from core.domain.marketplace.details import MarketDetails
from core.domain.marketplace.events import SessionCancelled, SessionEmptied, SessionOpened

_NOT_STORED = "\0"
"""PostgreSQL's text cannot hold this character, so no phone number has it."""
_OF_A_BOOKING = (BookingPlaced, BookingChanged, BookingDeleted, BookingUnchanged)


def user_name(user_id: int) -> str:
    return f"user:{user_id}"


def phone_name(phone_key: str) -> str:
    return f"phone:{phone_key}"


def practitioner_name(practitioner_id: int) -> str:
    return f"practitioner:{practitioner_id}"


def resource_name(resource_id: int) -> str:
    """Of a resource that is closed: a practitioner's time off has a reason."""
    return f"resource:{resource_id}"


def data_subjects_of(envelope: Envelope, events: Iterable[Event] = ()) -> list[str]:
    """The sender, the people whom the command names, and the owners of the bookings that it touched.

    A phone number is a name of its own only if no booking says whose it is: a refused command may hold the number of
    a person who becomes known later. A practitioner's name is in the answers of those who book them.
    """
    events = tuple(events)
    owners = {event.booking.user_id for event in events if isinstance(event, _OF_A_BOOKING)}
    users, phones = _named(envelope.command)
    users |= owners
    if envelope.actor.user_id is not None:
        users.add(envelope.actor.user_id)
    named = [*map(user_name, users), *map(phone_name, phones if not owners else ())]
    return sorted({*named, *_providers(envelope.command, events)})


def _providers(command: Command, events: Iterable[Event]) -> Iterable[str]:
    """The practitioners whose sessions, time off or bookings the command names."""
    if isinstance(command, OpenSession):
        yield practitioner_name(command.practitioner_id)
    elif isinstance(command, CloseResource):
        yield resource_name(command.resource_id)
    for event in events:
        if isinstance(event, _OF_A_BOOKING):
            if isinstance(event.booking.details, MarketDetails):
                yield practitioner_name(event.booking.details.practitioner_id)
        elif isinstance(event, SessionOpened | SessionCancelled | SessionEmptied):
            yield practitioner_name(event.session.practitioner_id)
        elif isinstance(event, ResourceClosed | ResourceReopened):
            yield resource_name(event.closure.resource.id)


def data_subjects_in(header: Header, body: str) -> list[str]:
    """The same for a command that is not decoded: its sender, and the people in fields that name people."""
    users = {header.actor.user_id} - {None}
    phones: set[str] = set()
    ahead: list[Any] = [_anything(body)]
    while ahead:
        value = ahead.pop()
        if isinstance(value, dict):
            users |= {one for one in [value.get("user_id")] if isinstance(one, int)}
            phones |= {one for one in [value.get("phone_key")] if isinstance(one, str) and _NOT_STORED not in one}
            ahead += value.values()
        elif isinstance(value, list):
            ahead += value
    return sorted([*(user_name(id_) for id_ in users if id_ is not None), *map(phone_name, phones)])


def _anything(body: str) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _named(command: Command) -> tuple[set[int], set[str]]:
    """User ids and phone keys. Most commands place one booking, so that case comes first."""
    match command:
        case Place(person=PersonById(user_id=user_id)):
            return {user_id}, set()
        case Place(person=PersonByPhone(phone_key=phone_key)):
            return set(), {phone_key}
        case _:
            needs = needs_of([command])
            return needs.users, needs.phones
