"""`GET /api/bookings/{id}.ics`: a booking as a calendar file."""

from __future__ import annotations

import falcon.asgi

from api.calendars.answers import FILE, UNCHANGED, is_unchanged, respond_file, tag_of
from api.http.errors import Problem
from api.openapi import operation
from core.calendars.booked_time import named_entry, own_entry
from core.calendars.calendar_file import calendar_file
from core.identity.principals import Principal
from core.store.calendars.shown_bookings import SeenBooking, find_seen
from core.store.connections.pool import Pool


class BookingFile:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation(
        "Read a booking as a calendar file",
        description=(
            "RFC 5545, of any contract: for its client, its practitioner and staff. `UID` is its `public_uuid`, `SEQUENCE` "
            "rises with each change, a booking that ended is `CANCELLED`."
        ),
        answers={200: FILE, 304: UNCHANGED},
        refuses=("booking_not_found", "no_time_yet"),
        name="get_booking_file",
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        booking = await self._read(req.context.principal, booking_id)
        entry = own_entry(booking) if booking.is_own else named_entry(booking)
        if not is_unchanged(req, resp, tag_of(entry)):
            respond_file(resp, f"booking-{booking_id}", calendar_file([entry]))

    async def _read(self, principal: Principal, booking_id: int) -> SeenBooking:
        async with self._pool.connection() as connection:
            found = await find_seen(connection, booking_id, principal.user_id, sees_all=principal.is_staff)
        if found is None:
            raise Problem(404, "booking_not_found", "Booking not found")
        if not found.has_a_time:
            raise Problem(409, "no_time_yet", "This booking has no time yet: schedule it, then ask for its file again")
        return found
