"""One booking at the admin desk: details, change, cancel, delete (docs/contracts/appointments.md)."""

from __future__ import annotations

from typing import Any

import falcon.asgi
import msgspec
from msgspec import UNSET, Struct

from api.bookings.own_booking import not_found, read_booking
from api.commands.commands import Commands
from api.contracts.changes import CANNOT_BE_CHANGED_HERE, check_unchanged
from api.http.bodies import read_json
from api.http.responses import respond
from api.openapi import Content, operation
from core.domain.bookings.status import Status
from core.domain.commands import Cancel, ChangeStatus, Command, Delete
from core.domain.values import Booking, User
from core.store.connections.pool import Pool
from core.store.inbox.partition_keys import partition_key
from core.wire.contracts.admin_bookings import admin_booking
from core.wire.contracts.appointments import BookingRemoved, BookingShown, BookingUpdated, details
from core.wire.vocabulary import APPOINTMENTS_ASKED, AppointmentsWord


class BookingChange(Struct, frozen=True, forbid_unknown_fields=True):
    """The body: a status. The other fields of the admin shape may be sent back as they are."""

    status: AppointmentsWord
    id: Any = UNSET
    contract: Any = UNSET
    user_id: Any = UNSET
    service_name: Any = UNSET
    booking_date: Any = UNSET
    booking_time: Any = UNSET
    duration_minutes: Any = UNSET
    notes: Any = UNSET
    created_at: Any = UNSET
    version: Any = UNSET
    user_details: Any = UNSET


READ_ONLY = [name for name in BookingChange.__struct_fields__ if name != "status"]


class AdminBooking:
    """Each change is a command in the lane of the booking."""

    def __init__(self, commands: Commands, pool: Pool) -> None:
        self._commands = commands
        self._pool = pool

    @operation("Read a booking", answers={200: BookingShown}, refuses=("booking_not_found",))
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        respond(resp, details(*await self._read(booking_id)))

    @operation(
        "Cancel a booking",
        answers={200: BookingUpdated},
        refuses=("booking_not_found", "invalid_transition"),
        command=True,
    )
    async def on_delete(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        booking, _ = await self._read(booking_id)
        await self._run(req, resp, booking, Cancel(booking_id))

    @operation(
        "Change a booking's status",
        description="The other fields of the admin shape may be sent back as they are.",
        body=Content(BookingChange, example={"status": "completed"}),
        answers={200: BookingUpdated},
        refuses=("booking_not_found", "invalid_transition"),
        command=True,
    )
    async def on_put_update(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        change = await read_json(req, BookingChange)
        booking, user = await self._read(booking_id)
        shown = msgspec.to_builtins(admin_booking(booking, user))
        check_unchanged(change, {name: shown[name] for name in READ_ONLY}, CANNOT_BE_CHANGED_HERE)
        await self._run(req, resp, booking, ChangeStatus(booking_id, APPOINTMENTS_ASKED[change.status]))

    @operation(
        "Delete a booking",
        description="It is cancelled first if it still takes its time, then hidden everywhere.",
        answers={200: BookingRemoved},
        refuses=("booking_not_found",),
        command=True,
    )
    async def on_delete_delete(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        booking, _ = await self._read(booking_id)
        await self._run(req, resp, booking, Delete(booking_id))

    async def _read(self, booking_id: int) -> tuple[Booking, User]:
        booking, user = await read_booking(self._pool, booking_id)
        if booking.status is Status.DRAFT:
            raise not_found()
        return booking, user

    async def _run(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking: Booking, command: Command
    ) -> None:
        key = partition_key(booking.resource_id, booking.local_date)
        await self._commands.run(req, resp, contract="appointments", partition_key=key, command=command)
