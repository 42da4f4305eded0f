"""`GET /api/rooms/{id}/availability/?date=`: a day's slots, exactly as a booking would find them now (docs/contracts/rooms.md)."""

from __future__ import annotations

from datetime import date

import falcon.asgi
from msgspec import Struct

from api.contracts.changes import as_problems
from api.contracts.rooms.rooms import PROBLEMS
from api.http.parameters import read_query
from api.http.responses import respond
from api.openapi import operation
from core.domain.bookings.rooms import RoomSlot, at_minute, room_slots
from core.domain.values import Room
from core.store.catalogue import rooms
from core.store.connections.database import database_now_async
from core.store.connections.pool import Pool
from core.store.free_slots import read_taken
from core.wire.contracts.rooms import money
from core.wire.vocabulary import Day, HourMinuteSecond


class DayQuery(Struct, frozen=True):
    date: date


class RoomSlotShown(Struct, frozen=True):
    start_time: HourMinuteSecond
    end_time: HourMinuteSecond
    is_available: bool


class RoomDay(Struct, frozen=True, kw_only=True):
    room_id: int
    room_name: str
    date: Day
    is_off_day: bool
    opening_time: HourMinuteSecond
    closing_time: HourMinuteSecond
    slot_duration_minutes: int
    price_per_slot: float
    slots: list[RoomSlotShown]
    available_count: int


class Availability:
    def __init__(self, pool: Pool, *, allow_past: bool) -> None:
        self._pool = pool
        self._allow_past = allow_past

    @operation("List a room's slots of a day", query=DayQuery, answers={200: RoomDay}, refuses=("room_not_found",))
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, room_id: int) -> None:
        day = read_query(req, DayQuery).date
        async with as_problems(PROBLEMS), self._pool.connection() as connection:
            room, resource = await rooms.bookable(connection, room_id)
            claims = await read_taken(connection, resource, day)
            now = await database_now_async(connection)
        slots = list(room_slots(room, resource, day, claims, now, allow_past=self._allow_past))
        respond(resp, _body(room, day, slots))


def _body(room: Room, day: date, slots: list[RoomSlot]) -> RoomDay:
    return RoomDay(
        room_id=room.id,
        room_name=room.name,
        date=day.isoformat(),
        is_off_day=room.hours.is_off(day),
        opening_time=at_minute(room.hours.opens_minute).isoformat("seconds"),
        closing_time=at_minute(room.hours.closes_minute).isoformat("seconds"),
        slot_duration_minutes=room.slot_minutes,
        price_per_slot=money(room.price_minor, room.currency),
        slots=[
            RoomSlotShown(slot.starts.isoformat("seconds"), slot.ends.isoformat("seconds"), slot.is_free)
            for slot in slots
        ],
        available_count=sum(slot.is_free for slot in slots),
    )
