"""`/api/guest/bookings/{token}/`: the booking that a mail's link leads to, read, cancelled and moved without a login.

The commands are those that its contract lets its client send, decided by the same rules.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

import falcon.asgi
from msgspec import Struct

from api.bookings.moves import move_of_client
from api.commands.commands import Commands
from api.guests.links import GuestLinks
from api.http.bodies import has_body, read_json
from api.http.errors import Problem
from api.http.fields import CLOCK, DAY, ClockText, DayText, text
from api.http.responses import respond
from api.openapi import Content, operation
from core.calendars.calendar_file import MEDIA_TYPE, calendar_file
from core.calendars.event_component import entry_of
from core.domain.commands import Cancel
from core.domain.marketplace.commands import TurnBooking, Verb
from core.domain.marketplace.details import MarketDetails
from core.domain.refusals import Refusal
from core.domain.resources.local_time import instant
from core.domain.values import Booking
from core.store.connections.pool import Pool
from core.store.inbox.partition_keys import partition_key
from core.store.mails.facts import MailFacts
from core.text_forms import TEXT
from core.wire.contracts.guests import GuestBooking
from core.wire.errors import FieldProblem
from core.wire.outcomes import CommandAccepted

Reason = Annotated[str, text(TEXT, most=500)]
MOVING = (
    Refusal.BOOKING_NOT_FOUND,
    Refusal.INVALID_TRANSITION,
    Refusal.SESSION_WANTED,
    Refusal.NOT_MOVABLE,
    Refusal.ALREADY_BEGUN,
    Refusal.TOO_LATE_TO_MOVE,
    Refusal.HOLD_ENDED,
    Refusal.SERVICE_NOT_FOUND,
    Refusal.PRACTITIONER_NOT_FOUND,
    Refusal.LOCATION_NOT_FOUND,
    Refusal.WRONG_DURATION,
    Refusal.LOCAL_TIME_SKIPPED,
    Refusal.IN_THE_PAST,
    Refusal.TOO_SOON,
    Refusal.TOO_FAR_AHEAD,
    Refusal.OUTSIDE_WORKING_HOURS,
    Refusal.SLOT_TAKEN,
    Refusal.NO_ROOM_FREE,
    Refusal.NO_SETTINGS,
    Refusal.OFF_DAY,
    Refusal.OFF_GRID,
    Refusal.CLOSED,
    Refusal.ROOM_NOT_FOUND,
    Refusal.TIME_SLOT_NOT_FOUND,
)
"""What a move may be refused for, by the contract of what is moved."""
FILE_NAME = "booking.ics"


class GuestCancellation(Struct, frozen=True, forbid_unknown_fields=True):
    """The body may be left out."""

    reason: Reason = ""


class GuestMove(Struct, frozen=True, forbid_unknown_fields=True):
    """Another time, local to what is booked (`time_zone`), for as long as before."""

    start_date: DayText
    start_time: ClockText
    reason: Reason = ""


class GuestCommands:
    """What a guest may do about a booking, for the JSON routes and for the pages."""

    def __init__(self, commands: Commands, pool: Pool) -> None:
        self._commands = commands
        self._pool = pool

    async def cancel(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking: Booking, reason: str = ""
    ) -> None:
        """Leaves the command's own answer in `resp`."""
        is_session = isinstance(booking.details, MarketDetails)
        command = TurnBooking(booking.id, Verb.CANCEL, reason) if is_session else Cancel(booking.id, reason)
        key = partition_key(booking.resource_id, booking.local_date)
        await self._commands.run(req, resp, contract=booking.contract, partition_key=key, command=command)

    async def move(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, facts: MailFacts, wanted: GuestMove
    ) -> None:
        """Leaves the command's own answer in `resp`. Raises Problem 400, and 404 where no time slot is on offer then."""
        booking = facts.booking
        starts = instant(DAY(wanted.start_date), CLOCK(wanted.start_time), facts.zone)
        if starts is None:
            words = "The clocks skip this time on that day; choose another"
            raise Problem(400, Refusal.LOCAL_TIME_SKIPPED.value, words, [FieldProblem("start_time", words)])
        async with self._pool.connection() as connection:
            move = await move_of_client(connection, booking, starts, facts.zone, wanted.reason)
        await self._commands.run(
            req, resp, contract=booking.contract, partition_key=move.partition_key, command=move.command
        )


class OneGuestBooking:
    def __init__(self, links: GuestLinks, commands: GuestCommands) -> None:
        self._links = links
        self._commands = commands

    @operation(
        "Read the booking that a link leads to",
        description="What was entered for this one booking. The link stands in mails; it ends a week after the booking.",
        answers={200: GuestBooking},
        refuses=("too_many_requests",),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> None:
        respond(resp, await self._links.shown(await self._links.follow(req, resp, token)))

    @operation(
        "Download the booking as a calendar file",
        answers={200: Content(media_type=MEDIA_TYPE)},
        refuses=("too_many_requests",),
    )
    async def on_get_file(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> None:
        facts = await self._links.follow(req, resp, token)
        entry = entry_of(
            facts.booking, zone=facts.zone, summary=facts.what or facts.booking.service_name, location=facts.where
        )
        resp.data = calendar_file([entry])
        resp.content_type = f"{MEDIA_TYPE}; charset=utf-8"
        resp.downloadable_as = FILE_NAME

    @operation(
        "Cancel the booking that a link leads to",
        body=Content(GuestCancellation, example={"reason": "I am ill"}),
        body_required=False,
        answers={200: GuestBooking},
        refuses=(Refusal.BOOKING_NOT_FOUND, Refusal.INVALID_TRANSITION, Refusal.ALREADY_BEGUN),
        command=True,
    )
    async def on_post_cancel(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> None:
        facts = await self._links.follow(req, resp, token)
        sent = await read_json(req, GuestCancellation) if has_body(req) else GuestCancellation()
        await self._answer(req, resp, token, lambda: self._commands.cancel(req, resp, facts.booking, sent.reason))

    @operation(
        "Move the booking that a link leads to",
        description=(
            "To another time, for as long as before and where it is: appointments, rooms, time slots that are on offer, "
            "sessions with a practitioner. Until it begins, and what costs something only while a cancellation would "
            "cost nothing."
        ),
        body=Content(GuestMove, example={"start_date": "2030-03-15", "start_time": "10:00"}),
        answers={200: GuestBooking},
        refuses=MOVING,
        command=True,
    )
    async def on_post_move(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> None:
        facts = await self._links.follow(req, resp, token)
        wanted = await read_json(req, GuestMove)
        await self._answer(req, resp, token, lambda: self._commands.move(req, resp, facts, wanted))

    async def _answer(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str, run: Callable[[], Awaitable[None]]
    ) -> None:
        """Show the booking as it is now. What is not decided yet is looked for where it is shown."""
        await run()
        if resp.status_code == 200:  # noqa: PLR2004 - a decision; the contract's own answer says more than a guest may see
            respond(resp, await self._links.shown(await self._links.follow(req, resp, token)))
        elif resp.status_code == 202:  # noqa: PLR2004 - accepted
            address = f"/api/guest/bookings/{token}/"
            resp.location = address
            id_ = UUID(resp.get_header("Holdfast-Command"))
            respond(resp, CommandAccepted(id=id_, status_url=address), 202)
