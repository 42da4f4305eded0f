"""`GET` and `DELETE /api/bookings/{id}/`: one's own booking, of any contract."""

from __future__ import annotations

import falcon.asgi

from api.commands.commands import Commands
from api.http.errors import Problem
from api.http.responses import respond
from api.openapi import operation
from core.domain.commands import Cancel
from core.domain.values import Booking, User
from core.identity.principals import Principal
from core.store.bookings.rows import find_view
from core.store.connections.database import database_now_async
from core.store.connections.pool import Pool
from core.store.inbox.partition_keys import partition_key
from core.wire.contracts.admin_bookings import AdminBooking
from core.wire.contracts.appointments import BookingUpdated
from core.wire.contracts.calendar import SlotBooking, SlotBookingEnded
from core.wire.contracts.rooms import RoomBooking, RoomBookingChanged
from core.wire.contracts.shapes import in_its_shape


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
        """Own bookings only, staff included: they cancel others' by the admin path."""
        principal: Principal = req.context.principal
        booking, _ = await read_booking(self._pool, booking_id)
        if booking.user_id != principal.user_id:
            raise not_found()
        key = partition_key(booking.resource_id, booking.local_date)
        await self._commands.run(req, resp, contract=booking.contract, partition_key=key, command=Cancel(booking_id))


async def read_booking(pool: Pool, booking_id: int) -> tuple[Booking, User]:
    """A booking that is not deleted, with its user. Raises Problem 404."""
    async with pool.connection() as connection:
        found = await find_view(connection, booking_id)
    if found is None:
        raise not_found()
    return found


def not_found() -> Problem:
    return Problem(404, "booking_not_found", "Booking not found")
