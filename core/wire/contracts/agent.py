"""Answers of the agent contract."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from core.domain.commands import Actor, ActorKind, Envelope, PersonById, PersonByPhone, Place, PlaceAll, RowToPlace
from core.domain.events import BookingPlaced, Event, UserCreated
from core.domain.state import State
from core.domain.values import Booking, User
from core.wire.answers import Done
from core.wire.contracts import appointments
from core.wire.contracts.all_or_nothing import all_placed
from core.wire.vocabulary import APPOINTMENTS_STATUS, AppointmentsWord, Day, HourMinuteSecond, Zulu, zulu


class BookingOfAgent(Struct, frozen=True, kw_only=True):
    id: int
    service_name: str
    booking_date: Day
    booking_time: HourMinuteSecond
    status: AppointmentsWord
    notes: str
    created_at: Zulu


class UserOfAgent(Struct, frozen=True, kw_only=True):
    id: int
    username: str
    first_name: str
    last_name: str
    email: str
    phone: str
    is_active: bool
    created: bool


class AgentBookingData(Struct, frozen=True):
    booking: BookingOfAgent
    user: UserOfAgent


class AgentBookingCreated(Done, frozen=True, kw_only=True):
    """`POST /api/agent/booking/create/` (the agent document, "Success Response")."""

    message: str = "Booking created successfully"
    user_created: bool
    user_id: int
    booking_id: int
    data: AgentBookingData


def answer(envelope: Envelope, events: tuple[Event, ...], state: State) -> tuple[int, object]:
    """(HTTP status, body) of a command that was not refused."""
    match events[-1], envelope.command:
        case BookingPlaced(booking=booking), Place(person=person):
            made = any(isinstance(event, UserCreated) for event in events)
            return 201, created(booking, state.users[booking.user_id], person, envelope.actor, user_created=made)
        case _, PlaceAll(rows=rows):
            return 201, all_placed(_created_rows(envelope, events, state, rows))
        case _:
            return appointments.answer(envelope, events, state)


def _created_rows(
    envelope: Envelope, events: tuple[Event, ...], state: State, rows: tuple[RowToPlace, ...]
) -> Iterator[tuple[int, AgentBookingCreated]]:
    """(row, body) of each booking; a row's events end with it."""
    left, made = iter(rows), False
    for event in events:
        if isinstance(event, UserCreated):
            made = True
        elif isinstance(event, BookingPlaced):
            row, booking = next(left), event.booking
            user = state.users[booking.user_id]
            yield row.row, created(booking, user, row.place.person, envelope.actor, user_created=made)
            made = False


def created(
    booking: Booking, user: User, person: PersonById | PersonByPhone, actor: Actor, *, user_created: bool
) -> AgentBookingCreated:
    """An anonymous caller sees only what it sent itself about a user who already existed."""
    sent_only = actor.kind is ActorKind.ANONYMOUS and not user_created
    shown = BookingOfAgent(
        id=booking.id,
        service_name=booking.service_name,
        booking_date=booking.local_date.isoformat(),
        booking_time=booking.local_time.isoformat("seconds"),
        status=APPOINTMENTS_STATUS[booking.status],
        notes=booking.notes,
        created_at=zulu(booking.created_at),
    )
    whose = _as_sent(user, person) if sent_only else _as_stored(user, created=user_created)
    return AgentBookingCreated(
        user_created=user_created, user_id=user.id, booking_id=booking.id, data=AgentBookingData(shown, whose)
    )


def _as_stored(user: User, *, created: bool) -> UserOfAgent:
    return UserOfAgent(
        id=user.id,
        username=user.username,
        first_name=user.first_name,
        last_name=user.last_name,
        email=user.email,
        phone=user.phone,
        is_active=user.is_active,
        created=created,
    )


def _as_sent(user: User, person: PersonById | PersonByPhone) -> UserOfAgent:
    sent = person if isinstance(person, PersonByPhone) else PersonByPhone("", "")
    return UserOfAgent(
        id=user.id,
        username=sent.phone,
        first_name=sent.first_name,
        last_name=sent.last_name,
        email=sent.email,
        phone=sent.phone,
        is_active=True,
        created=False,
    )
