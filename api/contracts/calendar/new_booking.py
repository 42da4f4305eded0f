"""`POST /api/bookings/` with a `time_slot`, and `GET /api/user/bookings/`."""

from __future__ import annotations

from typing import Literal

import falcon.asgi
from msgspec import Struct

from api.contracts.calendar.examples import BOOK
from api.contracts.calendar.lookups import (
    MORE,
    PAGE_MAX,
    PageLimit,
    Pool,
    add_next_link,
    partition_key_of_slot,
    read_slot,
)
from api.http.bodies import parse_json
from api.http.fields import Id
from api.http.parameters import Offset, read_query
from api.http.responses import respond
from api.openapi import Content, operation
from api.runtime import Runtime
from core.domain.commands import BookSlot, PersonById
from core.store.lists.calendar import my_bookings
from core.wire.contracts.calendar import SlotBooking, booking_body

IS_OVER = {"upcoming": False, "past": True}


class NewSlotBooking(Struct, frozen=True, forbid_unknown_fields=True):
    """The body."""

    time_slot: Id


class BookSlots:
    """How bookings of time slots are made: for oneself."""

    def __init__(self, run: Runtime) -> None:
        self._commands = run.commands
        self._pool = run.pool

    @operation(
        "Book a time slot",
        body=Content(NewSlotBooking, example=BOOK),
        answers={201: SlotBooking},
        refuses=("time_slot_not_found", "user_not_found", "in_the_past", "slot_taken"),
        command=True,
    )
    async def create(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        body = parse_json(req.context.raw_body, NewSlotBooking)
        found = await read_slot(self._pool, body.time_slot, "time_slot")
        command = BookSlot(body.time_slot, PersonById(req.context.principal.user_id))
        await self._commands.run(
            req, resp, contract="calendar", partition_key=partition_key_of_slot(found.slot), command=command
        )


class MineAsked(Struct, frozen=True):
    status: Literal["upcoming", "past"] | None = None
    limit: PageLimit = PAGE_MAX
    offset: Offset = 0


class UserBookings:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation(
        "List one's own bookings",
        description="Of every contract. `upcoming` ones soonest first, others latest first; cancelled ones are gone.",
        query=MineAsked,
        answers={200: Content(list[SlotBooking], headers=MORE)},
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, MineAsked)
        me, over = req.context.principal.user_id, IS_OVER[asked.status] if asked.status else None
        async with self._pool.connection() as connection:
            found = await my_bookings(connection, me, over=over, limit=asked.limit, offset=asked.offset)
        if found.more:
            add_next_link(req, resp, asked.offset + asked.limit)
        respond(resp, [booking_body(booking, me, found.now) for booking in found.bookings if found.now])
