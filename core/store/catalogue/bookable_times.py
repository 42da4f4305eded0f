"""When something of the public list can be booked: the same answer for every contract, by each one's own rule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from msgspec import Struct

from core.domain.bookings.rooms import end_minute_of, minute_of, room_slots, span
from core.domain.marketplace.availability import slots as practitioner_slots
from core.domain.names import folded
from core.domain.resources.free_slots import free_slots
from core.domain.resources.local_time import Span, day_bounds, local
from core.domain.values import Claim
from core.store.catalogue import service_sessions
from core.store.catalogue.bookable import BookableThing
from core.store.catalogue.booking_settings import SQL_RULES, rules_of
from core.store.catalogue.changes import read_one
from core.store.catalogue.rooms import SQL_BOOKABLE, room_of
from core.store.catalogue.services import SQL_BY_NAME, service_of
from core.store.connections.database import AsyncConnection, database_now_async
from core.store.connections.queries import fetch_all, find_one
from core.store.free_slots import SQL_TAKEN_OF_ROOM, SQL_TAKEN_OF_SERVICE, around, slot_minutes
from core.store.lists.calendar import SlotFilter, list_slots
from core.store.marketplace.availability import read_practitioner_availability
from core.store.sql.parameters import array_of, texts_of

TIMES_MAX = 2000
"""Of one question: slots of a category, sessions of a workshop."""
PRACTITIONERS_MAX = 50
_A_DAY = timedelta(days=1)


class BookableTime(Struct, frozen=True, kw_only=True):
    """One time on offer, in the zone of the thing."""

    starts_at: datetime
    ends_at: datetime
    seats_left: int | None = None
    """Of a workshop's session; 0 is full."""
    waiting: int = 0
    """How many people wait for a seat of it."""
    time_slot_id: int | None = None
    service_session_id: int | None = None

    @property
    def is_free(self) -> bool:
        return self.seats_left != 0


async def read_times(
    connection: AsyncConnection,
    thing: BookableThing,
    practitioner_id: int | None,
    first: date,
    last: date,
) -> list[BookableTime]:
    """What begins on these local days and lies ahead, in order; of workshops full sessions too.

    Raises NotFoundError for a room that is gone meanwhile.
    """
    days = [first + n * _A_DAY for n in range((last - first).days + 1)]
    match thing.kind:
        case "service":
            return await _of_service(connection, thing, days)
        case "room":
            return await _of_room(connection, thing, days)
        case "category":
            return await _of_category(connection, thing, first, last)
        case "individual":
            return await _of_practitioners(connection, thing, practitioner_id, first, last)
        case "workshop":
            return await _of_workshop(connection, thing, practitioner_id, first, last)


async def _of_service(connection: AsyncConnection, thing: BookableThing, days: list[date]) -> list[BookableTime]:
    rules, _ = rules_of(await find_one(connection, SQL_RULES), allow_past=False)
    rows = await fetch_all(connection, SQL_BY_NAME, (texts_of([folded(thing.name)]),))
    if rules is None or not rules.is_active or not rows:
        return []
    _, service, resource = service_of(rows[-1])
    taken = await _claims(connection, SQL_TAKEN_OF_SERVICE, folded(thing.name), days)
    now, minutes = await database_now_async(connection), slot_minutes(rules, service)
    return [
        BookableTime(starts_at=slot.starts_at, ends_at=slot.ends_at)
        for day, claims in _by_day(days, taken, resource.zone)
        for slot in free_slots(rules, resource, minutes, day, claims, now)
    ]


async def _of_room(connection: AsyncConnection, thing: BookableThing, days: list[date]) -> list[BookableTime]:
    room, resource = room_of(await read_one(connection, SQL_BOOKABLE, (array_of([thing.id]),)))
    taken = await _claims(connection, SQL_TAKEN_OF_ROOM, thing.id, days)
    now = await database_now_async(connection)
    times = []
    for day, claims in _by_day(days, taken, resource.zone):
        for slot in room_slots(room, resource, day, claims, now, allow_past=False):
            bounds = span(day, minute_of(slot.starts), end_minute_of(slot.ends), resource.zone)
            if slot.is_free and bounds is not None:
                times.append(BookableTime(starts_at=bounds[0], ends_at=bounds[1]))
    return times


async def _claims(connection: AsyncConnection, sql: str, whose: str | int, days: list[date]) -> list[Claim]:
    """What is taken on these days, wherever they are."""
    return [Claim(*row) for row in await fetch_all(connection, sql, (whose, *around(days[0], days[-1])))]


async def _of_category(
    connection: AsyncConnection, thing: BookableThing, first: date, last: date
) -> list[BookableTime]:
    wanted = SlotFilter(limit=TIMES_MAX, first=first, last=last, category_id=thing.id, taken=False, after=True)
    return [
        BookableTime(starts_at=one.slot.starts_at, ends_at=one.slot.ends_at, time_slot_id=one.slot.id)
        for one in (await list_slots(connection, wanted)).slots
    ]


async def _of_practitioners(
    connection: AsyncConnection, thing: BookableThing, practitioner_id: int | None, first: date, last: date
) -> list[BookableTime]:
    """When any of them is free, or the one who is named."""
    within = day_bounds(first, thing.time_zone)[0], day_bounds(last, thing.time_zone)[1]
    named = None if practitioner_id is None else [practitioner_id]
    found = await read_practitioner_availability(connection, thing.id, named, within, most=PRACTITIONERS_MAX)
    if found.service is None:
        return []
    spans: set[Span] = set()
    for one in found.practitioners:
        taken = found.taken.get(one.resource_id, [])
        spans |= set(practitioner_slots(one, found.service, within, taken, found.now, allow_past=False))
    return [BookableTime(starts_at=starts, ends_at=ends) for starts, ends in sorted(spans)]


async def _of_workshop(
    connection: AsyncConnection, thing: BookableThing, practitioner_id: int | None, first: date, last: date
) -> list[BookableTime]:
    found, _ = await service_sessions.page(
        connection,
        service_id=thing.id,
        practitioner_id=practitioner_id,
        upcoming=True,
        limit=TIMES_MAX,
        offset=0,
    )
    return [
        BookableTime(
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            seats_left=max(0, one.capacity - one.seats_taken - one.waiting),
            waiting=one.waiting,
            service_session_id=one.id,
        )
        for one in found
        if first <= local(one.starts_at, thing.time_zone).date() <= last
    ]


def _by_day(days: list[date], claims: list[Claim], zone_name: str) -> Iterator[tuple[date, list[Claim]]]:
    """Each day with the claims that touch it: a month of them is looked through once a day, not once a slot."""
    for day in days:
        bounds = day_bounds(day, zone_name)
        yield day, [claim for claim in claims if claim.overlaps(*bounds)]
