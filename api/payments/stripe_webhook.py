"""`POST /api/stripe-webhook/`: Stripe's events, each believed only if it is signed, and received once.

Stripe sends an event again until it gets a 2xx. So the answer is 200 for an event that was received, now or before,
and for one that is not ours or cannot be used, which is logged; 400 for what is not from Stripe; 503 while nothing
can be written.
"""

from __future__ import annotations

from typing import Literal

import falcon.asgi
import structlog
from msgspec import Struct
from msgspec.structs import asdict

from api.http.bodies import read_bytes
from api.http.errors import Problem
from api.http.responses import respond
from api.openapi import Content, operation
from api.payments.intents import not_set_up
from core.payments.stripe_events import BadEventError, StripeEvent, verified
from core.store.connections.pool import Pool
from core.store.payments.received_events import receive_event
from core.tracing import spans
from core.tracing.spans import SpanKind
from core.wakeup.lane_waker import LaneWaker

log = structlog.get_logger()

EVENT_MAX_BYTES = 1024 * 1024

EVENT = {
    "id": "evt_1NG8Du2eZvKYlo2CUI79vXWy",
    "object": "event",
    "type": "payment_intent.succeeded",
    "data": {"object": {"id": "pi_xxxxxxxxxxxxx", "object": "payment_intent", "status": "succeeded"}},
}
"""As the rooms contract prints it."""

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
    def __init__(self, pool: Pool, lane_waker: LaneWaker, secret: str | None) -> None:
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
            await self._receive(req, event)
        respond(resp, Received())

    async def _receive(self, req: falcon.asgi.Request, event: StripeEvent) -> None:
        inbox = spans.begin("inbox", SpanKind.PRODUCER)
        traceparent = None if inbox is None else inbox.context.traceparent
        async with self._pool.connection() as connection:
            received = await receive_event(connection, event, req.context.request_id, traceparent)
        spans.end(inbox)
        log.info("stripe event", event_id=event.id, type=event.type, result=received.result)
        if event.concern is not None and received.result in {"accepted", "noted"}:
            log.error("stripe needs a person", type=event.type, booking_id=received.booking_id, **asdict(event.concern))
        if received.lane is not None:
            await self._lane_waker.lanes([received.lane])
