"""`POST /api/bookings/` with a `time_slot` (docs/contracts/calendar.md)."""

from __future__ import annotations

import falcon.asgi
from msgspec import Struct

from api.contracts.calendar.examples import BOOK
from api.contracts.calendar.lookups import (
    partition_key_of_slot,
    read_slot,
)
from api.http.bodies import parse_json
from api.http.fields import Id
from api.openapi import Content, operation
from api.runtime import Runtime
from core.domain.commands import BookSlot, PersonById
from core.wire.contracts.calendar import SlotBooking


class NewSlotBooking(Struct, frozen=True, forbid_unknown_fields=True):
    """The body."""

    time_slot: Id


class BookSlots:
    """A time slot is booked for oneself."""

    def __init__(self, runtime: Runtime) -> None:
        self._commands = runtime.commands
        self._pool = runtime.pool

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
