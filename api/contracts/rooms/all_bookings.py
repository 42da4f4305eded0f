"""`GET /api/bookings/all/`: bookings of every contract for staff, newest first (docs/contracts/rooms.md)."""

from __future__ import annotations

import falcon.asgi
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from api.http.parameters import Paging, read_query
from api.http.responses import respond
from api.openapi import operation
from core.store.lists.bookings import NEWEST_FIRST, BookingFilter, page
from core.wire.contracts.rooms import RoomBooking, room_booking


class RoomBookings(Struct, frozen=True, kw_only=True):
    count: int
    """How many bookings there are."""
    limit: int
    offset: int
    bookings: list[RoomBooking]


class AllBookings:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @operation("List the bookings of every contract", query=Paging, answers={200: RoomBookings})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        query = read_query(req, Paging)
        found = await page(self._engine, BookingFilter(), NEWEST_FIRST, query.limit, query.offset)
        body = RoomBookings(
            count=found.total.count,
            limit=query.limit,
            offset=query.offset,
            bookings=[room_booking(booking, user) for booking, user in found.rows],
        )
        respond(resp, body)
