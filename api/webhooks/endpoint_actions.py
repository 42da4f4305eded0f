"""What staff ask of an endpoint beside changing it: a new secret, a test, and what was sent before once more."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import falcon.asgi
import structlog
from msgspec import Struct

from api.http.audit import note_change
from api.http.bodies import read_json
from api.http.errors import invalid
from api.http.fields import DayOrInstant, day_or_instant
from api.http.responses import respond
from api.openapi import Content, operation
from api.webhooks.endpoints import locked_endpoint, read_endpoint
from core.sealed_secrets import SecretBox
from core.store.connections.pool import Pool
from core.store.deliveries.cursors import add_async
from core.store.deliveries.values import NewDelivery
from core.store.webhooks import delivery_log, endpoints
from core.store.webhooks.delivery_log import REDELIVERED_AT_ONCE
from core.webhooks.signature import new_secret
from core.wire.answers import Done
from core.wire.errors import FieldProblem
from core.wire.vocabulary import Micros, micros
from core.wire.webhooks import TEST

log = structlog.get_logger()


class SecretShown(Struct, frozen=True, kw_only=True):
    id: int
    secret: str
    """Shown this once."""
    previous_secret_until: Micros
    """Until then messages are signed with both, so that the receiver has time to take over the new one."""


class SecretAnswer(Done, frozen=True, kw_only=True):
    message: str = "Secret rotated: it is shown this once"
    data: SecretShown


class PlannedTest(Struct, frozen=True, kw_only=True):
    delivery_id: UUID
    """In the delivery log, and in the message as `webhook-id`."""


class PlannedTestAnswer(Done, frozen=True, kw_only=True):
    message: str = "Test planned: the delivery log tells what becomes of it"
    data: PlannedTest


class RedeliveryRange(Struct, frozen=True, forbid_unknown_fields=True):
    """What was planned in a time is sent again, the earliest first."""

    start_date: DayOrInstant
    """A day, or an instant with its offset."""
    end_date: DayOrInstant | None = None
    """What was planned before it; of the day itself nothing."""
    sent_too: bool = False
    """Also what arrived. By default only what was given up on."""


class RedeliveryAnswer(Done, frozen=True, kw_only=True):
    message: str
    redelivered: int
    more: bool
    """There is more in this time than is sent again at once: ask again once these are sent."""


class EndpointActions:
    def __init__(self, pool: Pool, box: SecretBox, zone: str) -> None:
        self._pool = pool
        self._box = box
        self._zone = zone

    @operation(
        "Give an endpoint a new secret",
        description="For 24 hours messages are signed with the new secret and with the one before it. Rotated again "
        "meanwhile, the oldest ends at once.",
        answers={200: SecretAnswer},
        refuses=("webhook_not_found",),
    )
    async def on_post_rotate_secret(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, webhook_id: int
    ) -> None:
        secret = new_secret()
        async with self._pool.connection() as connection, connection.transaction():
            await locked_endpoint(connection, webhook_id)
            until = await endpoints.rotate(connection, webhook_id, self._box.seal(secret))
            await note_change(
                req, connection, "webhook.secret_rotated", webhook_id, {"secret": "old"}, {"secret": "new"}
            )
        log.info("webhook's secret rotated", webhook=webhook_id, by=req.context.principal.user_id)
        shown = SecretShown(id=webhook_id, secret=secret, previous_secret_until=micros(until))
        respond(resp, SecretAnswer(data=shown))

    @operation(
        "Send a test to an endpoint",
        description="Signed as all messages are, with the type `webhook_test`. A disabled endpoint gets it too.",
        answers={202: PlannedTestAnswer},
        refuses=("webhook_not_found",),
    )
    async def on_post_test(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, webhook_id: int) -> None:
        test = NewDelivery(str(webhook_id), TEST, {"at": micros(datetime.now(UTC))}, key=str(uuid4()))
        delivery_id = test.id_of(endpoints.SENDER)
        async with self._pool.connection() as connection, connection.transaction():
            await locked_endpoint(connection, webhook_id)
            await add_async(connection, endpoints.SENDER, [test])
            await note_change(req, connection, "webhook.tested", webhook_id, None, {"delivery": str(delivery_id)})
        log.info("webhook is tested", webhook=webhook_id, delivery_id=str(delivery_id))
        respond(resp, PlannedTestAnswer(data=PlannedTest(delivery_id=delivery_id)), 202)

    @operation(
        "Send again what was planned in a time",
        description=f"Under the ids that they had, so that a receiver may drop what it has. At most {REDELIVERED_AT_ONCE:,} at once.",
        body=Content(RedeliveryRange, example={"start_date": "2025-10-13"}),
        answers={200: RedeliveryAnswer},
        refuses=("webhook_not_found",),
    )
    async def on_post_redeliver(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, webhook_id: int) -> None:
        body = await read_json(req, RedeliveryRange)
        since = day_or_instant(body.start_date, self._zone)
        until = day_or_instant(body.end_date, self._zone) if body.end_date is not None else None
        if until is not None and until <= since:
            raise invalid([FieldProblem("end_date", "end_date must be after start_date")])
        async with self._pool.connection() as connection, connection.transaction():
            await read_endpoint(connection, webhook_id)
            count = await delivery_log.redeliver_range(connection, webhook_id, since, until, sent_too=body.sent_too)
            await note_change(req, connection, "webhook.redelivered", webhook_id, None, {"deliveries": count})
        log.info("webhooks are sent again", webhook=webhook_id, deliveries=count)
        message = f"{count:,} deliveries are sent again"
        respond(resp, RedeliveryAnswer(message=message, redelivered=count, more=count == REDELIVERED_AT_ONCE))
