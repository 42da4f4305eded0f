"""`GET` and `DELETE /api/bookings/{id}/`, `POST .../move/`: one's own booking, of any contract."""

from __future__ import annotations

from typing import Annotated

import falcon.asgi
from msgspec import Struct

from api.bookings.moves import MOVED, MOVED_ROOM, MOVED_SESSION, MOVED_TIME_SLOT, move_of_client
from api.commands.commands import Commands
from api.http.bodies import read_json
from api.http.errors import Problem
from api.http.fields import text
from api.http.moments import Moment, moment
from api.http.responses import respond
from api.openapi import Content, operation
from core.domain.commands import Cancel
from core.domain.refusals import Refusal
from core.domain.values import Booking, User
from core.identity.principals import Principal
from core.store.bookings.rows import find_view
from core.store.catalogue.resources import zone_of
from core.store.connections.database import database_now_async
from core.store.connections.pool import Pool
from core.store.inbox.partition_keys import partition_key
from core.text_forms import TEXT
from core.wire.contracts.admin_bookings import AdminBooking
from core.wire.contracts.appointments import BookingUpdated
from core.wire.contracts.calendar import SlotBooking, SlotBookingEnded
from core.wire.contracts.marketplace import MarketBookingDetail
from core.wire.contracts.rooms import RoomBooking, RoomBookingChanged
from core.wire.contracts.shapes import in_its_shape


class OwnMove(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body."""

    start_time: Moment
    reason: Annotated[str, text(TEXT, most=500)] = ""


class OneBooking:
    def __init__(self, commands: Commands, pool: Pool) -> None:
        self._commands = commands
        self._pool = pool

    @operation(
        "Read a booking",
        description="One's own, or any for staff, in the shape and words of the contract that made it.",
        answers={200: (AdminBooking, RoomBooking, SlotBooking)},
        refuses=("booking_not_found",),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        principal: Principal = req.context.principal
        booking, user = await read_booking(self._pool, booking_id)
        if booking.user_id != principal.user_id and not principal.is_staff:
            raise not_found()
        async with self._pool.connection() as connection:
            now = await database_now_async(connection)
        respond(resp, in_its_shape(booking, user, viewer_id=principal.user_id, now=now))

    @operation(
        "Cancel one's own booking",
        answers={200: (BookingUpdated, RoomBookingChanged, SlotBookingEnded)},
        refuses=("booking_not_found", "invalid_transition"),
        command=True,
    )
    async def on_delete(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        booking = await self._own(req, booking_id)
        key = partition_key(booking.resource_id, booking.local_date)
        await self._commands.run(req, resp, contract=booking.contract, partition_key=key, command=Cancel(booking_id))

    @operation(
        "Move one's own booking to another time",
        description=(
            "Of any contract, by the rules for its clients: for as long as before and where it is, until it begins, and "
            "what costs something only while a cancellation would cost nothing. A booking of a time slot goes to the free "
            "slot that begins then. A time without an offset is local to what is booked."
        ),
        body=Content(OwnMove, example={"start_time": "2030-03-15T10:00"}),
        answers={200: (BookingUpdated, RoomBookingChanged, SlotBooking, MarketBookingDetail)},
        refuses=(
            *MOVED,
            *MOVED_ROOM,
            *MOVED_TIME_SLOT,
            *MOVED_SESSION,
            Refusal.NO_SETTINGS,
            Refusal.TOO_LATE_TO_MOVE,
        ),
        command=True,
    )
    async def on_post_move(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        sent = await read_json(req, OwnMove)
        booking = await self._own(req, booking_id)
        async with self._pool.connection() as connection:
            zone = await zone_of(connection, booking.resource_id) or ""
            starts_at = moment("start_time", sent.start_time, zone)
            move = await move_of_client(connection, booking, starts_at, zone, sent.reason)
        await self._commands.run(
            req, resp, contract=booking.contract, partition_key=move.partition_key, command=move.command
        )

    async def _own(self, req: falcon.asgi.Request, booking_id: int) -> Booking:
        """Own bookings only, staff included: they act on others' by the admin paths. Raises Problem 404."""
        principal: Principal = req.context.principal
        booking, _ = await read_booking(self._pool, booking_id)
        if booking.user_id != principal.user_id:
            raise not_found()
        return booking


async def read_booking(pool: Pool, booking_id: int) -> tuple[Booking, User]:
    """A booking that is not deleted, with its user. Raises Problem 404."""
    async with pool.connection() as connection:
        found = await find_view(connection, booking_id)
    if found is None:
        raise not_found()
    return found


def not_found() -> Problem:
    return Problem(404, "booking_not_found", "Booking not found")
