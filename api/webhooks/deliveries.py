"""`/api/admin/webhooks/{id}/deliveries/`: what was sent to an endpoint, what it answered, and when it is tried next."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

import falcon.asgi
import msgspec
import structlog
from msgspec import Struct

from api.http.audit import note_change
from api.http.errors import Problem
from api.http.fields import DayOrInstant, Id, day_or_instant
from api.http.parameters import LIMIT_DEFAULT, Limit, Offset, read_query
from api.http.responses import respond
from api.openapi import operation
from api.webhooks.endpoints import read_endpoint
from core.store.bookings.rows import read_views
from core.store.connections.database import AsyncConnection
from core.store.connections.pool import Pool
from core.store.deliveries.values import DeliveryState, Verdict
from core.store.webhooks import delivery_log
from core.store.webhooks.delivery_log import DeliveryFilter, LoggedAttempt, LoggedDelivery
from core.store.webhooks.endpoints import Endpoint
from core.webhooks.attempts import body_of
from core.wire.answers import Done
from core.wire.vocabulary import Micros, micros
from core.wire.webhooks import EventType

log = structlog.get_logger()


class DeliveriesAsked(Struct, frozen=True):
    state: DeliveryState | None = None
    type: EventType | None = None
    booking_id: Id | None = None
    start_date: DayOrInstant | None = None
    """A day, or an instant with its offset: what was planned then or later."""
    end_date: DayOrInstant | None = None
    """What was planned before it; of the day itself nothing."""
    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class DeliveryShown(Struct, frozen=True, kw_only=True):
    id: UUID
    """In the message as `webhook-id`. The same however often it is sent."""
    type: EventType
    booking_id: int | None
    state: DeliveryState
    attempts: int
    created_at: Micros
    next_attempt_at: Micros | None
    done_at: Micros | None
    answer: str | None
    """To the last attempt, in short."""


class AttemptShown(Struct, frozen=True, kw_only=True):
    number: int
    at: Micros
    duration_ms: int
    verdict: Verdict
    answer: str
    url: str | None
    status: int | None
    """Null where there was no answer."""
    excerpt: str | None
    """The beginning of the answer's body."""


class RequestShown(Struct, frozen=True, kw_only=True):
    """What would be sent now: bookings are read when a message is sent, and are not kept with it."""

    method: Literal["POST"] = "POST"
    url: str
    headers: dict[str, str]
    """Without the signature, which is made anew for each attempt."""
    body: dict[str, Any] | None
    """A message, as the description's `webhooks` has it; null where nothing is kept of the booking any more."""


class DeliveryWithAttempts(DeliveryShown, frozen=True, kw_only=True):
    request: RequestShown
    attempts_made: list[AttemptShown]


class DeliveryList(Done, frozen=True, kw_only=True):
    message: str = "Deliveries retrieved successfully"
    data: list[DeliveryShown]
    total_count: int
    total_exact: bool
    """Whether it is all of them: beyond 10,000 they are not counted."""
    limit: int
    offset: int


class DeliveryAnswer(Done, frozen=True, kw_only=True):
    message: str = "Delivery retrieved successfully"
    data: DeliveryWithAttempts


class Deliveries:
    def __init__(self, pool: Pool, zone: str) -> None:
        self._pool = pool
        self._zone = zone

    @operation(
        "List what was sent to an endpoint, the newest first",
        query=DeliveriesAsked,
        answers={200: DeliveryList},
        refuses=("webhook_not_found",),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, webhook_id: int) -> None:
        asked = read_query(req, DeliveriesAsked)
        wanted = DeliveryFilter(
            state=asked.state,
            type=asked.type,
            booking_id=asked.booking_id,
            since=day_or_instant(asked.start_date, self._zone) if asked.start_date else None,
            until=day_or_instant(asked.end_date, self._zone) if asked.end_date else None,
        )
        async with self._pool.connection() as connection:
            await read_endpoint(connection, webhook_id)
            found, total = await delivery_log.page(connection, webhook_id, wanted, asked.limit, asked.offset)
        answer = DeliveryList(
            data=[DeliveryShown(**_fields(one)) for one in found],
            total_count=total.count,
            total_exact=total.exact,
            limit=asked.limit,
            offset=asked.offset,
        )
        respond(resp, answer)


class OneDelivery:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation(
        "Read a delivery, with its request and all attempts",
        answers={200: DeliveryAnswer},
        refuses=("webhook_not_found", "delivery_not_found"),
    )
    async def on_get(
        self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, webhook_id: int, delivery_id: UUID
    ) -> None:
        async with self._pool.connection() as connection:
            shown = await _with_attempts(connection, webhook_id, delivery_id)
        respond(resp, DeliveryAnswer(data=shown))

    @operation(
        "Send a delivery again",
        description="Whatever became of it, and at once. It keeps its id, so that a receiver may drop what it has.",
        answers={200: DeliveryAnswer},
        refuses=("webhook_not_found", "delivery_not_found", "being_sent"),
    )
    async def on_post_redeliver(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, webhook_id: int, delivery_id: UUID
    ) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            await _read(connection, webhook_id, delivery_id)
            if not await delivery_log.redeliver(connection, webhook_id, delivery_id):
                raise Problem(409, "being_sent", "This delivery is being sent at this moment; look again in a minute")
            shown = await _with_attempts(connection, webhook_id, delivery_id)
            what = {"delivery": str(delivery_id)}
            await note_change(req, connection, "webhook.redelivered", webhook_id, None, what)
        log.info("a webhook is sent again", webhook=webhook_id, delivery_id=str(delivery_id))
        respond(resp, DeliveryAnswer(message="The delivery is sent again", data=shown))


async def _read(connection: AsyncConnection, webhook_id: int, delivery_id: UUID) -> tuple[Endpoint, LoggedDelivery]:
    """Raises Problem 404."""
    endpoint = await read_endpoint(connection, webhook_id)
    found = await delivery_log.one(connection, webhook_id, delivery_id)
    if found is None:
        raise Problem(404, "delivery_not_found", "Delivery not found")
    return endpoint, found


async def _with_attempts(connection: AsyncConnection, webhook_id: int, delivery_id: UUID) -> DeliveryWithAttempts:
    endpoint, found = await _read(connection, webhook_id, delivery_id)
    views = await read_views(connection, [] if found.booking_id is None else [found.booking_id])
    request = RequestShown(
        url=endpoint.url,
        headers={"content-type": "application/json", "webhook-id": str(found.id)},
        body=msgspec.to_builtins(body_of(found.type, found.data, views[0] if views else None)),
    )
    made = [_attempt(one) for one in await delivery_log.attempts(connection, delivery_id)]
    return DeliveryWithAttempts(**_fields(found), request=request, attempts_made=made)


def _fields(one: LoggedDelivery) -> dict[str, Any]:
    """The fields of a `DeliveryShown`."""
    return {
        "id": one.id,
        "type": one.type,
        "booking_id": one.booking_id,
        "state": DeliveryState(one.state),
        "attempts": one.attempts,
        "created_at": micros(one.created_at),
        "next_attempt_at": one.due_at and micros(one.due_at),
        "done_at": one.done_at and micros(one.done_at),
        "answer": one.answer,
    }


def _attempt(one: LoggedAttempt) -> AttemptShown:
    detail = one.detail or {}
    return AttemptShown(
        number=one.number,
        at=micros(one.at),
        duration_ms=one.duration_ms,
        verdict=Verdict(one.verdict),
        answer=one.answer,
        url=detail.get("url"),
        status=detail.get("status"),
        excerpt=detail.get("excerpt"),
    )
