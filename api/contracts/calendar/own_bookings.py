"""`GET /api/user/bookings/`: one's own bookings, of every contract (docs/contracts/calendar.md)."""

from __future__ import annotations

from typing import Literal

import falcon.asgi
from msgspec import Struct

from api.contracts.calendar.pagination import NEXT_LINK, PAGE_MAX, PageLimit, add_next_link
from api.http.parameters import Offset, read_query
from api.http.responses import respond
from api.openapi import Content, operation
from core.store.connections.pool import Pool
from core.store.lists.calendar import my_bookings
from core.wire.contracts.calendar import SlotBooking, booking_body

IS_OVER = {"upcoming": False, "past": True}


class OwnBookingsQuery(Struct, frozen=True):
    status: Literal["upcoming", "past"] | None = None
    limit: PageLimit = PAGE_MAX
    offset: Offset = 0


class UserBookings:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation(
        "List one's own bookings",
        description="Of every contract. `upcoming` ones soonest first, others latest first; without cancelled ones.",
        query=OwnBookingsQuery,
        answers={200: Content(list[SlotBooking], headers=NEXT_LINK)},
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        query = read_query(req, OwnBookingsQuery)
        me, over = req.context.principal.user_id, IS_OVER[query.status] if query.status else None
        async with self._pool.connection() as connection:
            found = await my_bookings(connection, me, over=over, limit=query.limit, offset=query.offset)
        if found.more:
            add_next_link(req, resp, query.offset + query.limit)
        respond(resp, [booking_body(booking, me, found.now) for booking in found.bookings if found.now])
