"""What every compared route does first, exactly as `POST /api/booking/create/` does."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import falcon.asgi

from api.bodies import read_json
from api.commands import write_answer
from api.contracts.appointments.create import NewBooking, place_of
from api.outcomes import Answer
from core.domain.commands import Envelope, Place


class Create:
    """Validates a booking request; a subclass books it."""

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        place = place_of(await read_json(req, NewBooking), req.context.principal)
        write_answer(req, resp, await self.book(_envelope(req, place)))

    async def book(self, envelope: Envelope) -> Answer:
        raise NotImplementedError


def _envelope(req: falcon.asgi.Request, place: Place) -> Envelope:
    return Envelope(
        id=uuid4(),
        seq=0,
        contract="appointments",
        actor=req.context.principal.actor,
        request_id=req.context.request_id,
        accepted_at=datetime.now(UTC),
        decide_before=None,
        reply_to=None,
        command=place,
    )
