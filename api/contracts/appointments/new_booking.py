"""`POST /api/booking/create/` (docs/contracts/appointments.md)."""

from __future__ import annotations

import falcon.asgi
from msgspec import Struct

from api.commands.commands import Commands
from api.contracts.appointments.examples import CREATE_REQUEST, CREATED
from api.http.bodies import read_json
from api.http.errors import Problem
from api.http.fields import CLOCK, DAY, ClockText, DayText, Id, Notes, ServiceName
from api.openapi import Content, operation
from api.openapi.operation import PLACING, UNBOOKABLE
from core.domain.commands import ActorKind, PersonById, Place
from core.domain.names import as_name
from core.identity.principals import Principal
from core.store.inbox.partition_keys import ServicePartition
from core.wire.contracts.appointments import BookingCreated
from core.wire.errors import FieldProblem


class NewBooking(Struct, frozen=True, forbid_unknown_fields=True):
    """The body. `user_id` may be left out by signed-in users, who book for themselves."""

    service_name: ServiceName
    booking_date: DayText
    booking_time: ClockText
    user_id: Id | None = None
    notes: Notes | None = None


WHOM = frozenset({"user_id"})
"""Required of callers that are not users themselves."""


def place_command(body: NewBooking, principal: Principal) -> Place:
    """The body as a command. Raises Problem 403 for somebody else's `user_id`."""
    user_id = body.user_id or principal.user_id
    if user_id is None or (principal.actor.kind is ActorKind.USER and user_id != principal.user_id):
        raise Problem(403, "forbidden", "You may not book for this user", [FieldProblem("user_id", "Not your own id")])
    day, at = DAY(body.booking_date), CLOCK(body.booking_time)
    return Place(PersonById(user_id), as_name(body.service_name), day, at, body.notes or "")


class CreateBooking:
    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    @operation(
        "Book a slot",
        body=Content(NewBooking, example=CREATE_REQUEST),
        answers={201: Content(BookingCreated, example=CREATED)},
        refuses=(*PLACING, *UNBOOKABLE),
        command=True,
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        principal: Principal = req.context.principal
        place = place_command(await read_json(req, NewBooking, needs=() if principal.user_id else WHOM), principal)
        key = ServicePartition(place.service_name, place.date)
        await self._commands.run(req, resp, contract="appointments", partition_key=key, command=place)
