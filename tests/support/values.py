"""Values for tests, complete by default: a test names only what it is about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from core.domain.bookings.status import PaymentStatus, Status
from core.domain.commands import Actor, ActorKind, BookRoom, Command, Envelope, PersonById, PersonByPhone, Place
from core.domain.decide import decide
from core.domain.events import Event
from core.domain.evolve import evolve
from core.domain.ids import Ids
from core.domain.resources.local_time import Hours, instant
from core.domain.state import State
from core.domain.values import DEFAULT_POLICY, Booking, Claim, Policy, Resource, Room, Rules, Service, User

NOW = datetime(2025, 10, 14, 12, tzinfo=UTC)
MONDAY = date(2025, 10, 20)
SUNDAY = date(2025, 10, 19)
NINE_TO_FIVE = Hours(9 * 60, 17 * 60, frozenset({6}))
DESK = Resource(1, "desk", "desk", "UTC")
ROOM_RESOURCE = Resource(2, "room", "Room 1", "UTC")

ANONYMOUS = Actor(ActorKind.ANONYMOUS)
STAFF = Actor(ActorKind.STAFF, 2)


def rules(**changes: Any) -> Rules:
    given = {"is_active": True, "hours": NINE_TO_FIVE, "duration_minutes": 60, "allow_past": False, "desk_id": DESK.id}
    return Rules(**{**given, **changes})


def user(id_: int = 1, **changes: Any) -> User:
    given: dict[str, Any] = {
        "username": f"user{id_}",
        "first_name": "Uma",
        "last_name": "User",
        "email": f"user{id_}@example.com",
        "phone": "",
        "phone_key": None,
        "gender": "",
        "country": "",
        "is_active": True,
        "is_staff": False,
        "is_superuser": False,
        "is_practitioner": False,
        "date_joined": NOW - timedelta(days=30),
    }
    return User(id=id_, **{**given, **changes})


def booking(id_: int = 1, **changes: Any) -> Booking:
    day, at = changes.get("local_date", MONDAY), changes.get("local_time", time(14))
    starts_at = changes.get("starts_at") or instant(day, at, "UTC") or NOW
    minutes = changes.get("duration_minutes", 60)
    given: dict[str, Any] = {
        "public_uuid": UUID(int=id_),
        "contract": "appointments",
        "user_id": 1,
        "service_id": None,
        "service_name": "Legal Consultation",
        "resource_id": DESK.id,
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=minutes),
        "local_date": day,
        "local_time": at,
        "duration_minutes": minutes,
        "status": Status.CONFIRMED,
        "payment_status": PaymentStatus.NONE,
        "notes": "",
        "version": 1,
        "created_at": NOW,
        "updated_at": NOW,
        "command_id": UUID(int=id_),
    }
    return Booking(id=id_, **{**given, **changes})


def place(day: date = MONDAY, at: time = time(14), **changes: Any) -> Place:
    given: dict[str, Any] = {"person": PersonById(1), "service_name": "Legal Consultation", "date": day, "time": at}
    return Place(**{**given, **changes})


def room(id_: int = 1, **changes: Any) -> Room:
    """Rooms of a test have no other resource than `ROOM_RESOURCE` unless it says so."""
    given: dict[str, Any] = {
        "resource_id": ROOM_RESOURCE.id,
        "name": f"Room {id_}",
        "capacity": 10,
        "price_minor": 5000,
        "currency": "usd",
        "slot_minutes": 30,
        "hours": Hours(9 * 60, 18 * 60, frozenset()),
        "is_available": True,
    }
    return Room(id=id_, **{**given, **changes})


def book_room(starts: time = time(9), ends: time = time(10), **changes: Any) -> BookRoom:
    given: dict[str, Any] = {"user_id": 1, "room_id": 1, "date": MONDAY, "starts": starts, "ends": ends}
    return BookRoom(**{**given, **changes})


def by_phone(number: str = "1234567890", **changes: Any) -> PersonByPhone:
    return PersonByPhone(phone_key=number, phone=number, **changes)


def envelope(command: Command, actor: Actor = ANONYMOUS, **changes: Any) -> Envelope:
    given: dict[str, Any] = {
        "id": UUID(int=77),
        "seq": 1,
        "contract": "appointments",
        "request_id": "request-1",
        "accepted_at": NOW,
        "decide_before": None,
        "reply_to": None,
    }
    return Envelope(actor=actor, command=command, **{**given, **changes})


def state(
    *,
    rules_: Rules | None = None,
    resources: Iterable[Resource] = (DESK,),
    services: Iterable[Service] = (),
    rooms: Iterable[Room] = (),
    users: Iterable[User] = (),
    bookings: Iterable[Booking] = (),
    claims: Iterable[Claim] = (),
    policy: Policy = DEFAULT_POLICY,
) -> State:
    return State(
        rules=rules_ or rules(),
        policy=policy,
        resources=resources,
        services=services,
        rooms=rooms,
        users=list(users) or [user()],
        bookings=bookings,
        claims=claims,
    )


def counting_ids(first: int = 100) -> Ids:
    bookings, users, slots, closures, sessions, places, uuids = (count(first) for _ in range(7))
    return Ids(
        booking=lambda: next(bookings),
        user=lambda: next(users),
        slot=lambda: next(slots),
        closure=lambda: next(closures),
        session=lambda: next(sessions),
        waiting=lambda: next(places),
        uuid=lambda: UUID(int=next(uuids)),
    )


def decided(before: State, one: Envelope, now: datetime = NOW, ids: Ids | None = None) -> tuple[Event, ...]:
    """What one command comes to; `before` is changed by it, as in a batch."""
    events = decide(before, one, now, ids or counting_ids())
    for event in events:
        evolve(before, event)
    return events
