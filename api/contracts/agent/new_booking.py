"""`POST /api/agent/booking/create/`."""

from __future__ import annotations

from typing import Annotated

import falcon.asgi
from msgspec import Struct

from api.commands.commands import Commands
from api.contracts.agent.date_formats import AGENT_CLOCK, AGENT_DAY, AgentClock, AgentDay
from api.contracts.agent.examples import CREATED, REQUEST
from api.http.bodies import read_json
from api.http.fields import PHONE, Notes, PersonName, PhoneText, ServiceName, ShortText, text
from api.openapi import Content, operation
from api.openapi.operation import PLACING, UNBOOKABLE
from core.countries import country_code
from core.domain.commands import PersonByPhone, Place
from core.domain.names import as_name
from core.domain.refusals import Refusal
from core.identity.phones import phone_key, plain_phone
from core.mails.language_choice import accepted_language
from core.store.inbox.partition_keys import ServicePartition
from core.text_forms import CONTACT_EMAIL
from core.wire.contracts.agent import AgentBookingCreated
from core.wire.vocabulary import APPOINTMENTS_ASKED, AppointmentsWord

Email = Annotated[str, text(CONTACT_EMAIL, most=254)]


class AgentBooking(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Optional fields may be null or empty, as agents send them."""

    phone: PhoneText
    service_name: ServiceName
    booking_date: AgentDay
    booking_time: AgentClock
    first_name: PersonName | None = None
    last_name: PersonName | None = None
    email: Email | None = None
    gender: ShortText | None = None
    country: ShortText | None = None
    notes: Notes | None = None
    status: AppointmentsWord | None = None
    """`upcoming` by default."""


def place_command(body: AgentBooking, region: str | None, language: str = "") -> Place:
    """The command a body asks for. `language` is the request's, "" if it has none."""
    person = PersonByPhone(
        phone_key=phone_key(body.phone, region) or PHONE(body.phone),
        phone=plain_phone(body.phone),
        first_name=body.first_name or "",
        last_name=body.last_name or "",
        email=body.email or "",
        gender=body.gender or "",
        country=body.country or "",
        country_code=country_code(body.country or ""),
        language=language,
    )
    day, at = AGENT_DAY(body.booking_date), AGENT_CLOCK(body.booking_time)
    return Place(
        person, as_name(body.service_name), day, at, body.notes or "", APPOINTMENTS_ASKED[body.status or "upcoming"]
    )


class CreateAgentBooking:
    def __init__(self, commands: Commands, phone_region: str | None) -> None:
        self._commands = commands
        self._region = phone_region

    @operation(
        "Book for a phone number",
        description=(
            "A number that is not known becomes a user, whose mails are in the language that `Accept-Language` likes best. "
            "Dates: `YYYY-MM-DD`, `DD/MM/YYYY`, `MM/DD/YYYY`, `DD-MM-YYYY`, "
            "`MM-DD-YYYY`, tried in this order. Times: `14:00`, `2:00 PM`, `2:00PM`, `14:00:00`."
        ),
        body=Content(AgentBooking, example=REQUEST),
        answers={201: Content(AgentBookingCreated, example=CREATED)},
        refuses=(*PLACING, *UNBOOKABLE, Refusal.PHONE_IN_USE),
        command=True,
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        spoken = accepted_language(req.get_header("Accept-Language"))
        place = place_command(await read_json(req, AgentBooking), self._region, spoken)
        key = ServicePartition(place.service_name, place.date)
        await self._commands.run(req, resp, contract="agent", partition_key=key, command=place)
