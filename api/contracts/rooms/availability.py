"""`GET /api/rooms/{id}/availability/?date=`: a day's slots, exactly as a booking would find them now (docs/contracts/rooms.md)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import falcon.asgi
from msgspec import Struct

from api.contracts.rooms.rooms import no_room
from api.openapi import Content, operation
from api.reads.known_queries import read_known_query
from api.reads.public_reads import TAGGED, UNCHANGED, PublicReads
from core.domain.bookings.rooms import RoomSlot, at_minute, room_slots
from core.domain.values import Room
from core.store.free_slots import room_availability, room_queries
from core.store.reads.shared_reads import Found, Query
from core.wire.contracts.rooms import money
from core.wire.outcomes import encode
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


class RoomDayRead(Struct, frozen=True):
    room_id: int
    date: date
    allow_past: bool

    def queries(self) -> Sequence[Query]:
        return room_queries(self.room_id, self.date)

    def make(self, found: Found) -> bytes:
        day = room_availability(found)
        if day is None or not day.room.is_available:
            raise no_room()
        slots = list(room_slots(day.room, day.resource, self.date, day.claims, found.now, allow_past=self.allow_past))
        return encode(_body(day.room, self.date, slots))


class Availability:
    def __init__(self, reads: PublicReads, *, allow_past: bool) -> None:
        self._reads = reads
        self._allow_past = allow_past

    @operation(
        "List a room's slots of a day",
        query=DayQuery,
        answers={200: Content(RoomDay, headers=TAGGED), 304: UNCHANGED},
        refuses=("room_not_found",),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, room_id: int) -> None:
        day = read_known_query(req, DayQuery).date
        await self._reads.answer(req, resp, RoomDayRead(room_id, day, self._allow_past))


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
