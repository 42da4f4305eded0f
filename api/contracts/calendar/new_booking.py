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
from api.http.errors import Problem
from api.http.fields import Id
from api.openapi import Content, operation
from api.runtime import Runtime
from core.domain.commands import BookSlot, PersonById
from core.identity.principals import Principal
from core.wire.contracts.calendar import SlotBooking
from core.wire.errors import FieldProblem


class NewSlotBooking(Struct, frozen=True, forbid_unknown_fields=True):
    """The body."""

    time_slot: Id
    user_id: Id | None = None
    """Whose it is to be. Only staff may name another than themselves."""


class BookSlots:
    """A time slot is booked for oneself, or by staff for a user."""

    def __init__(self, runtime: Runtime) -> None:
        self._commands = runtime.commands
        self._pool = runtime.pool

    @operation(
        "Book a time slot",
        body=Content(NewSlotBooking, example=BOOK),
        answers={201: SlotBooking},
        refuses=("time_slot_not_found", "user_not_found", "forbidden", "in_the_past", "slot_taken"),
        command=True,
    )
    async def create(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        body = parse_json(req.context.raw_body, NewSlotBooking)
        found = await read_slot(self._pool, body.time_slot, "time_slot")
        command = BookSlot(body.time_slot, PersonById(_whose(body, req.context.principal)))
        await self._commands.run(
            req, resp, contract="calendar", partition_key=partition_key_of_slot(found.slot), command=command
        )


def _whose(body: NewSlotBooking, principal: Principal) -> int:
    """The user to book for. Raises Problem 403 for somebody else's `user_id`."""
    if body.user_id is not None and body.user_id != principal.user_id and not principal.is_staff:
        raise Problem(403, "forbidden", "You may not book for this user", [FieldProblem("user_id", "Not your own id")])
    user_id = body.user_id or principal.user_id
    assert user_id is not None  # noqa: S101 - the route is for people
    return user_id
