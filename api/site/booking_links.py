"""`POST /api/booking-links/`: the link to a booking that was just made, for whoever made it.

Mails have such links too (docs/mail.md). Whoever made a booking without a login knows its command's id and nothing
else; their link shows the booking, but nothing about the client, who may be somebody else with this phone number.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import falcon.asgi
import msgspec
from msgspec import Meta, Struct

from api.bookings.own_booking import read_booking
from api.commands.commands import Commands
from api.commands.endpoints import not_found
from api.guests.links import GuestLinks
from api.http.bodies import read_json
from api.http.responses import respond
from api.openapi import Content, operation
from api.openapi.examples import COMMAND_ID
from core.identity.credentials.guest_tokens import booking_token, unsigned_token
from core.identity.principals import Principal, hash_token
from core.settings import Settings
from core.store.connections.pool import Pool
from core.store.inbox.outcomes import CommandRecord
from core.store.mails.guest_links import give_link


class LinkAsked(Struct, frozen=True, forbid_unknown_fields=True):
    command_id: UUID
    """Of the command that made the booking: `Holdfast-Command` of its answer."""


class LinkGiven(Struct, frozen=True):
    booking_id: int
    token: Annotated[str, Meta(description="Whoever has it can read, cancel and move this booking")]
    path: str
    """Of the page: `/b/TOKEN/`."""


class _Made(Struct, frozen=True):
    """What the contracts' answers call the booking that was made."""

    id: int | None = None
    booking_id: int | None = None
    data: _Made | None = None

    @property
    def booking(self) -> int | None:
        return self.id or self.booking_id or (self.data.booking if self.data else None)


class BookingLinks:
    def __init__(self, links: GuestLinks, commands: Commands, pool: Pool, settings: Settings) -> None:
        self._links = links
        self._commands = commands
        self._pool = pool
        self._secret = settings.secret_key

    @operation(
        "Get the link to a booking that one has just made",
        description="For the command's own caller. Asked again, it is the same link.",
        body=Content(LinkAsked, example={"command_id": COMMAND_ID}),
        answers={201: LinkGiven},
        refuses=("command_not_found", "booking_not_found", "too_many_requests"),
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        await self._links.spend(req)
        principal: Principal = req.context.principal
        record = await self._commands.look_up((await read_json(req, LinkAsked)).command_id)
        booking_id = None if record is None or record.owner != principal.actor.owner else made_by(record)
        if booking_id is None:
            raise not_found()
        booking, client = await read_booking(self._pool, booking_id)
        token = (unsigned_token if principal.user_id is None else booking_token)(
            self._secret, booking.public_uuid, client.email
        )
        async with self._pool.connection() as connection:
            await give_link(connection, hash_token(token), booking, client.email)
        resp.set_header("Referrer-Policy", "no-referrer")
        respond(resp, LinkGiven(booking_id, token, f"/b/{token}/"), 201)


def made_by(record: CommandRecord) -> int | None:
    """The id of the booking that a command made, as its answer says; None if it made none."""
    if record.http_status != 201 or record.response is None:  # noqa: PLR2004 - created
        return None
    try:
        return msgspec.json.decode(record.response, type=_Made).booking
    except msgspec.DecodeError:  # a UUID, a list: no booking's answer
        return None
