"""`GET /api/bookings/all/` (rooms.md, 5): bookings of every contract for staff, newest first."""

from __future__ import annotations

from typing import Any

import falcon.asgi
from msgspec import Struct
from psycopg_pool import AsyncConnectionPool

from api.openapi import operation
from api.parameters import LIMIT_DEFAULT, Limit, Offset, read_query
from core.store.views import VIEW_COLUMNS, view_of
from core.wire.outcomes import encode
from core.wire.rooms import RoomBooking, room_booking

COUNT_EXACT_TO = 10_000
"""A total beyond it would need a scan; the answer says so in `count_exact`."""

SQL_PAGE = f"""
SELECT {VIEW_COLUMNS} FROM booking b JOIN user_account u ON u.id = b.user_id
WHERE b.deleted_at IS NULL AND b.status <> 'draft' ORDER BY b.id DESC LIMIT %s OFFSET %s
"""
SQL_COUNT = f"""
SELECT count(*) FROM (SELECT FROM booking WHERE deleted_at IS NULL AND status <> 'draft' LIMIT {COUNT_EXACT_TO + 1}) AS b
"""


class BookingsPage(Struct, frozen=True):
    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class RoomBookings(Struct, frozen=True, kw_only=True):
    count: int
    count_exact: bool
    limit: int
    offset: int
    bookings: list[RoomBooking]


class AllBookings:
    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    @operation("List the bookings of every contract", query=BookingsPage, answers={200: RoomBookings})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, BookingsPage)
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(SQL_PAGE, (asked.limit, asked.offset))).fetchall()
            total = (await (await connection.execute(SQL_COUNT)).fetchone() or (0,))[0]
        body = RoomBookings(
            count=min(total, COUNT_EXACT_TO),
            count_exact=total <= COUNT_EXACT_TO,
            limit=asked.limit,
            offset=asked.offset,
            bookings=[room_booking(*view_of(row)) for row in rows],
        )
        resp.data = encode(body)
        resp.content_type = falcon.MEDIA_JSON
