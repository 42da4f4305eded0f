"""`POST /api/bookings/` with a `room_id` (docs/contracts/rooms.md)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
from typing import Annotated, ClassVar

import falcon.asgi
from msgspec import Meta, Struct

from api.contracts.rooms.examples import CREATE_REQUEST
from api.http.bodies import parse_json
from api.http.errors import Problem
from api.http.fields import CLOCK, DAY, ClockText, DayText, Id, Notes
from api.http.forms import Rules
from api.openapi import Content, operation
from api.openapi.operation import PLACING
from api.runtime import Runtime
from core.domain.commands import BookRoom
from core.identity.principals import Principal
from core.store.inbox.partition_keys import RoomPartition
from core.wire.contracts.rooms import RoomBooking
from core.wire.errors import FieldProblem

GUESTS_MAX = 100_000


def _ends_later(body: NewRoomBooking) -> Iterator[FieldProblem]:
    starts, ends = CLOCK(body.start_time), CLOCK(body.end_time)
    if ends <= starts and ends != time.min:
        yield FieldProblem("end_time", "end_time must be later than start_time")


class NewRoomBooking(Struct, frozen=True, forbid_unknown_fields=True):
    """The body. Only staff may name another than themselves as `user_id`."""

    room_id: Id
    booking_date: DayText
    start_time: ClockText
    end_time: ClockText
    """00:00 is the end of the day."""
    user_id: Id | None = None
    guest_count: Annotated[int, Meta(ge=1, le=GUESTS_MAX)] = 1
    special_requests: Notes | None = None

    rules: ClassVar[Rules] = (_ends_later,)


def command_of(body: NewRoomBooking, principal: Principal) -> BookRoom:
    """The body as a command. Raises Problem 403 for somebody else's `user_id`."""
    user_id = body.user_id or principal.user_id
    if user_id is None or (user_id != principal.user_id and not principal.is_staff):
        raise Problem(403, "forbidden", "You may not book for this user", [FieldProblem("user_id", "Not your own id")])
    day, starts, ends = DAY(body.booking_date), CLOCK(body.start_time), CLOCK(body.end_time)
    return BookRoom(user_id, body.room_id, day, starts, ends, body.guest_count, body.special_requests or "")


class BookRooms:
    """A room is booked for oneself, or by staff for a user."""

    def __init__(self, runtime: Runtime) -> None:
        self._commands = runtime.commands

    @operation(
        "Book a room",
        description="With `room_id`: a room's slots, held until they are paid or the hold ends.",
        body=Content(NewRoomBooking, example=CREATE_REQUEST),
        answers={201: RoomBooking},
        refuses=(*PLACING, "room_not_found", "too_many_guests", "off_grid", "not_chargeable", "too_many_holds"),
        command=True,
    )
    async def create(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        command = command_of(parse_json(req.context.raw_body, NewRoomBooking), req.context.principal)
        key = RoomPartition(command.room_id, command.date)
        await self._commands.run(req, resp, contract="rooms", partition_key=key, command=command)
