"""`GET /api/rooms/{id}/availability/?date=`: a day's slots, exactly as booking would find them at this moment."""

from __future__ import annotations

from datetime import date
from typing import Any

import falcon.asgi
from psycopg_pool import AsyncConnectionPool

from api.contracts.rooms.rooms import no_room
from api.queries import Query
from core.domain.rooms import RoomSlot, at_minute, room_slots
from core.domain.values import Resource, Room
from core.store.load import SQL_ROOMS, room_of
from core.store.offers import database_now, read_taken
from core.wire.outcomes import encode
from core.wire.rooms import money


class Availability:
    def __init__(self, pool: AsyncConnectionPool[Any], *, allow_past: bool) -> None:
        self._pool = pool
        self._allow_past = allow_past

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, room_id: int) -> None:
        query = Query(req)
        day = query.day("date", required=True)
        query.check()
        assert day is not None  # noqa: S101 - `check` refuses a missing one
        async with self._pool.connection() as connection:
            row = await (await connection.execute(SQL_ROOMS, ([room_id],))).fetchone()
            if row is None or not (room := room_of(row[:-4])).is_available:
                raise no_room()
            resource = Resource(*row[-4:])
            claims = await read_taken(connection, resource, day)
            now = await database_now(connection)
        slots = list(room_slots(room, resource, day, claims, now, allow_past=self._allow_past))
        resp.data = encode(_body(room, day, slots))
        resp.content_type = falcon.MEDIA_JSON


def _body(room: Room, day: date, slots: list[RoomSlot]) -> dict[str, Any]:
    return {
        "room_id": room.id,
        "room_name": room.name,
        "date": day.isoformat(),
        "is_off_day": room.hours.is_off(day),
        "opening_time": at_minute(room.hours.opens_minute).isoformat("seconds"),
        "closing_time": at_minute(room.hours.closes_minute).isoformat("seconds"),
        "slot_duration_minutes": room.slot_minutes,
        "price_per_slot": money(room.price_minor, room.currency),
        "slots": [
            {
                "start_time": slot.starts.isoformat("seconds"),
                "end_time": slot.ends.isoformat("seconds"),
                "is_available": slot.is_free,
            }
            for slot in slots
        ],
        "available_count": sum(slot.is_free for slot in slots),
    }
