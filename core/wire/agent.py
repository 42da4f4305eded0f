"""Answers of the agent contract."""

from __future__ import annotations

from typing import Any

from core.domain.commands import Actor, ActorKind, Envelope, PersonById, PersonByPhone, Place
from core.domain.events import BookingPlaced, Event, UserCreated
from core.domain.state import State
from core.domain.values import Booking, User
from core.wire import appointments
from core.wire.words import APPOINTMENTS_STATUS, zulu


def answer(envelope: Envelope, events: tuple[Event, ...], state: State) -> tuple[int, dict[str, Any]]:
    """(HTTP status, body) of a command that was not refused."""
    match events[-1], envelope.command:
        case BookingPlaced(booking=booking), Place(person=person):
            made = any(isinstance(event, UserCreated) for event in events)
            return 201, created(booking, state.users[booking.user_id], person, envelope.actor, user_created=made)
        case _:
            return appointments.answer(envelope, events, state)


def created(
    booking: Booking, user: User, person: PersonById | PersonByPhone, actor: Actor, *, user_created: bool
) -> dict[str, Any]:
    """`POST /api/agent/booking/create/` (agent.md, "Success Response").

    An anonymous caller sees back only what it sent about somebody who already existed.
    """
    stranger = actor.kind is ActorKind.ANONYMOUS and not user_created
    return {
        "success": True,
        "message": "Booking created successfully",
        "user_created": user_created,
        "user_id": user.id,
        "booking_id": booking.id,
        "data": {
            "booking": {
                "id": booking.id,
                "service_name": booking.service_name,
                "booking_date": booking.local_date.isoformat(),
                "booking_time": booking.local_time.isoformat("seconds"),
                "status": APPOINTMENTS_STATUS[booking.status],
                "notes": booking.notes,
                "created_at": zulu(booking.created_at),
            },
            "user": _as_sent(user, person) if stranger else _as_stored(user, created=user_created),
        },
    }


def _as_stored(user: User, *, created: bool) -> dict[str, Any]:
    return {
        "id": user.id,
        "username": user.username,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "phone": user.phone,
        "is_active": user.is_active,
        "created": created,
    }


def _as_sent(user: User, person: PersonById | PersonByPhone) -> dict[str, Any]:
    phone = person.phone if isinstance(person, PersonByPhone) else ""
    return {
        "id": user.id,
        "username": phone,
        "first_name": person.first_name if isinstance(person, PersonByPhone) else "",
        "last_name": person.last_name if isinstance(person, PersonByPhone) else "",
        "email": person.email if isinstance(person, PersonByPhone) else "",
        "phone": phone,
        "is_active": True,
        "created": False,
    }
