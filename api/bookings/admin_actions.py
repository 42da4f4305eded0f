"""What staff do to a booking of any contract: `POST /api/admin/bookings/{id}/move/`, `confirm/`, `complete/`, `no-show/`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import falcon.asgi
from msgspec import Struct

from api.bookings.moves import MOVED, MOVED_ROOM, MOVED_SESSION, MOVED_TIME_SLOT, Wish, move_of
from api.bookings.own_booking import not_found, read_booking
from api.commands.commands import Commands
from api.http.bodies import has_body, read_json
from api.http.fields import Id, text
from api.http.forms import Rules
from api.http.moments import Moment, ends_later
from api.openapi import Content, operation
from core.domain.bookings.status import Status
from core.domain.commands import AcceptHold, Command, ReportVisit
from core.domain.marketplace.commands import TurnBooking, Verb
from core.domain.marketplace.details import MarketDetails
from core.domain.refusals import Refusal
from core.domain.values import Booking
from core.store.connections.pool import Pool
from core.store.inbox.partition_keys import partition_key
from core.text_forms import TEXT
from core.wire.contracts.appointments import BookingUpdated
from core.wire.errors import FieldProblem

OVER = (Refusal.BOOKING_NOT_FOUND, Refusal.INVALID_TRANSITION, Refusal.NOT_BEGUN)


def _ends_later(body: BookingMove) -> Iterator[FieldProblem]:
    if body.end_time is not None:
        yield from ends_later(body.start_time, body.end_time)


class BookingMove(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body. What is left out stays as it is."""

    start_time: Moment
    end_time: Moment | None = None
    resource_id: Id | None = None
    """Another resource of the same kind: of a room, or of a category of time slots."""
    reason: Annotated[str, text(TEXT, most=500)] = ""

    rules: ClassVar[Rules] = (_ends_later,)


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """Takes nothing; a body may be left out."""


class AdminActions:
    """Each is a command, answered in the admin shape."""

    def __init__(self, commands: Commands, pool: Pool) -> None:
        self._commands = commands
        self._pool = pool

    @operation(
        "Move a booking to another time, another length or another resource",
        description=(
            "Of any contract, by its own rules. Times without an offset are local to the resource. What was agreed "
            "stays, the price too, so a room that is paid for by its length keeps its length. A booking that has begun "
            "keeps its start. A booking of a time slot goes to the free slot that begins then; where none does, its own "
            "slot goes with it."
        ),
        body=Content(BookingMove, example={"start_time": "2030-03-15T10:00", "reason": "The client asked"}),
        answers={200: BookingUpdated},
        refuses=(
            *MOVED,
            *MOVED_ROOM,
            *MOVED_TIME_SLOT,
            *MOVED_SESSION,
            Refusal.NO_SETTINGS,
            Refusal.RESOURCE_NOT_FOUND,
        ),
        command=True,
    )
    async def on_post_move(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        sent = await read_json(req, BookingMove)
        booking = await self._read(booking_id)
        async with self._pool.connection() as connection:
            wish = Wish(sent.start_time, sent.end_time, sent.resource_id, sent.reason)
            move = await move_of(connection, booking, wish)
        await self._run(req, resp, move.partition_key, move.command)

    @operation(
        "Accept a held booking",
        description=(
            "Of any contract, while its hold stands. It needs no payment here any more: what it costs is taken at the "
            "desk, and a payment that was begun is cancelled. One that came in by then is kept, and the booking is paid. "
            "A part of a course or package is accepted with the whole."
        ),
        body=Content(Nothing, example={}),
        body_required=False,
        answers={200: BookingUpdated},
        refuses=(
            Refusal.BOOKING_NOT_FOUND,
            Refusal.INVALID_TRANSITION,
            Refusal.HOLD_ENDED,
            Refusal.UNPAID,
        ),
        command=True,
    )
    async def on_post_confirm(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        if has_body(req):
            await read_json(req, Nothing)
        booking = await self._read(booking_id)
        await self._run(req, resp, partition_key(booking.resource_id, booking.local_date), AcceptHold(booking_id))

    @operation(
        "Say that a booking took place",
        description="Of any contract, once it has begun.",
        body=Content(Nothing, example={}),
        body_required=False,
        answers={200: BookingUpdated},
        refuses=OVER,
        command=True,
    )
    async def on_post_complete(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        await self._report(req, resp, booking_id, Verb.COMPLETE)

    @operation(
        "Say that the client did not come",
        description="Of any contract, once it has begun. The admin shape shows it as `cancelled`.",
        body=Content(Nothing, example={}),
        body_required=False,
        answers={200: BookingUpdated},
        refuses=OVER,
        command=True,
    )
    async def on_post_no_show(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        await self._report(req, resp, booking_id, Verb.NO_SHOW)

    async def _report(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int, verb: Verb) -> None:
        if has_body(req):
            await read_json(req, Nothing)
        booking = await self._read(booking_id)
        is_session = isinstance(booking.details, MarketDetails)
        command = TurnBooking(booking_id, verb) if is_session else ReportVisit(booking_id, verb is Verb.COMPLETE)
        await self._run(req, resp, partition_key(booking.resource_id, booking.local_date), command)

    async def _read(self, booking_id: int) -> Booking:
        booking, _ = await read_booking(self._pool, booking_id)
        if booking.status is Status.DRAFT:  # the admin desk does not show it
            raise not_found()
        return booking

    async def _run(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, key: str, command: Command) -> None:
        await self._commands.run(req, resp, contract="appointments", partition_key=key, command=command)
