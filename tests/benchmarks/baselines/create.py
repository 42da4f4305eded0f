"""What every compared route does first, exactly as the route that it is compared with does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC, datetime
from uuid import uuid4

import falcon.asgi

from api.commands.commands import write_answer
from api.commands.outcome_waiter import Answer
from api.contracts.agent import new_booking as agent
from api.contracts.appointments.new_booking import NewBooking, place_command
from api.http.bodies import read_json
from core.domain.commands import Envelope, Place


class Create(ABC):
    """Validates a booking request as `POST /api/booking/create/` does; a subclass books it."""

    contract = "appointments"

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        place = await self.place(req)
        write_answer(req, resp, await self.book(_envelope(req, self.contract, place)))

    async def place(self, req: falcon.asgi.Request) -> Place:
        return place_command(await read_json(req, NewBooking), req.context.principal)

    @abstractmethod
    async def book(self, envelope: Envelope) -> Answer: ...


class CreateForPhone(Create):
    """The same as `POST /api/agent/booking/create/` does; phone numbers have no region here."""

    contract = "agent"

    async def place(self, req: falcon.asgi.Request) -> Place:
        return agent.place_command(await read_json(req, agent.AgentBooking), None)


def _envelope(req: falcon.asgi.Request, contract: str, place: Place) -> Envelope:
    return Envelope(
        id=uuid4(),
        seq=0,
        contract=contract,
        actor=req.context.principal.actor,
        request_id=req.context.request_id,
        accepted_at=datetime.now(UTC),
        decide_before=None,
        reply_to=None,
        command=place,
    )
