"""Lists of bookings: all of them for staff, reserved times for everybody (appointments.md 2, 3, 21; calendar.md)."""

from __future__ import annotations

from typing import Any

import falcon.asgi
import msgspec
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.ext.asyncio import AsyncEngine

from api.queries import Query
from core.domain.values import Booking
from core.phones import phone_key
from core.store import tally
from core.store.listing import BY_TIME, LISTED, NEWEST_FIRST, Total, Wanted, page
from core.wire.admin import admin_booking
from core.wire.outcomes import encode
from core.wire.words import APPOINTMENTS_STATUS


class AdminBookings:
    """`GET /api/admin/bookings/`: newest first, every filter ANDed."""

    def __init__(self, engine: AsyncEngine, phone_region: str | None) -> None:
        self._engine = engine
        self._region = phone_region

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        query = Query(req)
        wanted = Wanted(
            day=query.day("date"),
            service=query.text("service"),
            word=query.one_of("status", LISTED),
            usernames=self._keys(query.text("user")),
        )
        limit, offset = query.page()
        query.check()
        found = await page(self._engine, wanted, NEWEST_FIRST, limit, offset)
        data = [admin_booking(booking, user) for booking, user in found.rows]
        resp.data = encode(list_body("Bookings retrieved successfully", data, found.total, limit, offset))
        resp.content_type = falcon.MEDIA_JSON

    def _keys(self, username: str | None) -> list[str] | None:
        """A number that an agent sent is a username too, in whatever form it was written."""
        if username is None:
            return None
        return [username.casefold(), phone_key(username, self._region) or username.casefold()]


class BookingStats:
    """`GET /api/admin/bookings/stats/`: of all contracts; drafts and deleted ones are not counted."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        Query(req).check()
        async with self._pool.connection() as connection:
            stats = await tally.stats(connection)
        message = "Booking statistics retrieved successfully"
        resp.data = encode({"success": True, "message": message, "stats": msgspec.structs.asdict(stats)})
        resp.content_type = falcon.MEDIA_JSON


class ReservedSlots:
    """`GET /api/reservations/reserved_slots/`: by date and time. Public, so nothing of who booked or why."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        query = Query(req)
        wanted = Wanted(
            day=query.day("date"), service=query.text("service"), word=query.one_of("status", LISTED) or "upcoming"
        )
        limit, offset = query.page()
        query.check()
        found = await page(self._engine, wanted, BY_TIME, limit, offset)
        data = [reserved_slot(booking) for booking, _ in found.rows]
        resp.data = encode(list_body("Reserved slots retrieved successfully", data, found.total, limit, offset))
        resp.content_type = falcon.MEDIA_JSON


def reserved_slot(booking: Booking) -> dict[str, Any]:
    return {
        "service_name": booking.service_name,
        "booking_date": booking.local_date.isoformat(),
        "booking_time": booking.local_time.isoformat("minutes"),
        "duration_minutes": booking.duration_minutes,
        "status": APPOINTMENTS_STATUS[booking.status],
    }


def list_body(message: str, data: list[dict[str, Any]], total: Total, limit: int, offset: int) -> dict[str, Any]:
    return {
        "success": True,
        "message": message,
        "data": data,
        "total_count": total.count,
        "total_exact": total.exact,
        "count": len(data),
        "limit": limit,
        "offset": offset,
    }
