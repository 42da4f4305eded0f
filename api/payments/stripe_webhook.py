"""`POST /api/stripe-webhook/`: what Stripe tells, believed only when signed, taken in once.

Stripe goes on sending until it gets a 2xx, so: 200 for what was taken in, now or before, and for
what is not ours or cannot be used, which is logged; 400 for what is not from
Stripe; 503 while nothing can be written down.
"""

from __future__ import annotations

from typing import Any, Literal

import falcon.asgi
import structlog
from msgspec import Struct
from msgspec.structs import asdict
from psycopg_pool import AsyncConnectionPool

from api.http.bodies import read_bytes
from api.http.errors import Problem
from api.http.responses import respond
from api.openapi import Content, operation
from api.payments.examples import EVENT
from api.payments.intents import not_set_up
from core.payments.stripe_events import BadEventError, StripeEvent, verified
from core.store.payments.received_events import take_in
from core.wakeup.bells import LaneWaker

log = structlog.get_logger()

EVENT_MAX_BYTES = 1024 * 1024


SIGNATURE = {
    "name": "Stripe-Signature",
    "in": "header",
    "required": True,
    "schema": {"type": "string"},
    "description": "Stripe's, e.g. `t=1700000000,v1=...`",
}


class Received(Struct, frozen=True):
    received: Literal[True] = True


class StripeWebhook:
    def __init__(self, pool: AsyncConnectionPool[Any], lane_waker: LaneWaker, secret: str | None) -> None:
        self._pool = pool
        self._lane_waker = lane_waker
        self._secret = secret

    @operation(
        "Hear what Stripe tells",
        description=(
            "For Stripe: signed over the raw body (`Stripe-Signature`), not older than five minutes. An event that "
            "came before, is not about a payment of ours, or cannot be read is received and changes nothing."
        ),
        body=Content(dict, example=EVENT),
        answers={200: Received},
        refuses=("bad_webhook", "payments_not_set_up"),
        parameters=(SIGNATURE,),
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        if self._secret is None:
            raise not_set_up()
        raw = await read_bytes(req, EVENT_MAX_BYTES)
        try:
            event = verified(raw, req.get_header("Stripe-Signature"), self._secret)
        except BadEventError as problem:
            raise Problem(400, "bad_webhook", str(problem)) from None
        if event.unusable is not None:
            log.warning("stripe event cannot be used", event_id=event.id, type=event.type, problem=event.unusable)
        else:
            await self._take_in(req, event)
        respond(resp, Received())

    async def _take_in(self, req: falcon.asgi.Request, event: StripeEvent) -> None:
        async with self._pool.connection() as connection:
            taken = await take_in(connection, event, req.context.request_id)
        log.info("stripe event", event_id=event.id, type=event.type, result=taken.result)
        if event.concern is not None and taken.result in {"accepted", "noted"}:
            log.error("stripe needs a person", type=event.type, booking_id=taken.booking_id, **asdict(event.concern))
        if taken.lane is not None:
            await self._lane_waker.lanes([taken.lane])
