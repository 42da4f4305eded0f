"""`/api/admin/webhooks/`: staff make, list, change and delete the endpoints that webhooks are sent to."""

from __future__ import annotations

from typing import Annotated, Any

import falcon.asgi
import msgspec
import structlog
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from api.http.audit import note_change
from api.http.bodies import read_json
from api.http.errors import Problem, invalid
from api.http.fields import text
from api.http.parameters import LIMIT_DEFAULT, Limit, Offset, read_query
from api.http.responses import respond
from api.openapi import Content, operation
from core import text_forms
from core.outbound.targets import URL_MAX_CHARS, BadTargetError, parse_target
from core.sealed_secrets import SecretBox
from core.store.connections.database import AsyncConnection
from core.store.connections.pool import Pool
from core.store.webhooks import endpoints
from core.store.webhooks.endpoints import ENDPOINTS_MAX, Endpoint, NewEndpoint
from core.webhooks.signature import new_secret
from core.wire.answers import Done, Listed
from core.wire.errors import FieldProblem
from core.wire.feeds import BookingWord
from core.wire.vocabulary import Micros, micros
from core.wire.webhooks import EVENT_TYPES

log = structlog.get_logger()

Url = Annotated[str, text(text_forms.URL, least=1, most=URL_MAX_CHARS, examples=["https://hooks.example.com/holdfast"])]
EventTypes = Annotated[list[BookingWord], Meta(min_length=1, max_length=len(EVENT_TYPES))]
Description = Annotated[str, text(text_forms.TEXT, most=500)]


class NewWebhook(Struct, frozen=True, forbid_unknown_fields=True):
    """`event_types` are all of them unless some are named."""

    url: Url
    event_types: EventTypes = msgspec.field(default_factory=lambda: list(EVENT_TYPES))
    description: Description = ""


class WebhookChange(Struct, frozen=True, forbid_unknown_fields=True):
    """Only what is sent changes. `is_enabled: true` lets an endpoint be told again that was disabled."""

    url: Url | UnsetType = UNSET
    event_types: EventTypes | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    is_enabled: bool | UnsetType = UNSET

    def onto(self, present: Endpoint) -> NewEndpoint:
        return NewEndpoint(
            present.url if isinstance(self.url, UnsetType) else self.url,
            present.event_types if isinstance(self.event_types, UnsetType) else in_order(self.event_types),
            present.description if isinstance(self.description, UnsetType) else self.description,
        )


class WebhooksAsked(Struct, frozen=True):
    is_enabled: bool | None = None
    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class WebhookShown(Struct, frozen=True, kw_only=True):
    id: int
    url: str
    event_types: list[BookingWord]
    description: str
    is_enabled: bool
    disabled_at: Micros | None
    disabled_why: str | None
    failing_since: Micros | None
    """Since when every attempt has failed; null while they arrive."""
    failures: int
    """In a row."""
    waiting: int
    """Deliveries that are planned and not sent yet."""
    parked: int
    """Deliveries that were given up on; they can be sent again."""
    previous_secret_until: Micros | None
    """After a rotation: how long the secret before signs too."""
    created_by: int | None
    created_at: Micros


class NewWebhookShown(WebhookShown, frozen=True, kw_only=True):
    secret: str
    """Shown this once. Messages are signed with it."""


class WebhookAnswer(Done, frozen=True, kw_only=True):
    message: str = "Webhook retrieved successfully"
    data: WebhookShown


class NewWebhookAnswer(Done, frozen=True, kw_only=True):
    message: str = "Webhook created: its secret is shown this once"
    data: NewWebhookShown


class WebhookList(Listed[WebhookShown], frozen=True, kw_only=True):
    message: str = "Webhooks retrieved successfully"


class Webhooks:
    """The list, and the way in."""

    def __init__(self, pool: Pool, box: SecretBox, *, loopback: bool) -> None:
        self._pool = pool
        self._box = box
        self._loopback = loopback

    @operation("List the endpoints of webhooks, the newest first", query=WebhooksAsked, answers={200: WebhookList})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, WebhooksAsked)
        is_enabled, limit, offset = asked.is_enabled, asked.limit, asked.offset
        async with self._pool.connection() as connection:
            found, total = await endpoints.listed(connection, is_enabled=is_enabled, limit=limit, offset=offset)
        shown = [WebhookShown(**fields_of(one)) for one in found]
        respond(resp, WebhookList(data=shown, total_count=total, limit=limit, offset=offset))

    @operation(
        "Make an endpoint of webhooks",
        description="From now on it is told of the types that it names. Its URL is https, of the public internet, on port 443 "
        "or one from 1024 on. The answer holds the secret that messages are signed with, this once.",
        body=Content(
            NewWebhook,
            example={
                "url": "https://hooks.example.com/holdfast",
                "event_types": ["booking_created"],
                "description": "Till",
            },
        ),
        answers={201: NewWebhookAnswer},
        refuses=("too_many_webhooks",),
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        body = await read_json(req, NewWebhook)
        new = NewEndpoint(callable_url(body.url, loopback=self._loopback), in_order(body.event_types), body.description)
        secret, by = new_secret(), req.context.principal.user_id
        async with self._pool.connection() as connection, connection.transaction():
            made = await endpoints.make(connection, new, self._box.seal(secret), by)
            if made is None:
                raise Problem(
                    409, "too_many_webhooks", f"There are {ENDPOINTS_MAX} endpoints already; delete one first"
                )
            endpoint = await read_endpoint(connection, made)
            await note_change(req, connection, "webhook.created", made, None, audited(endpoint))
        log.info("webhook made", webhook=made, by=by)
        respond(resp, NewWebhookAnswer(data=NewWebhookShown(**fields_of(endpoint), secret=secret)), 201)


class OneWebhook:
    def __init__(self, pool: Pool, *, loopback: bool) -> None:
        self._pool = pool
        self._loopback = loopback

    @operation("Read an endpoint of webhooks", answers={200: WebhookAnswer}, refuses=("webhook_not_found",))
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, webhook_id: int) -> None:
        async with self._pool.connection() as connection:
            endpoint = await read_endpoint(connection, webhook_id)
        respond(resp, WebhookAnswer(data=WebhookShown(**fields_of(endpoint))))

    @operation(
        "Change an endpoint of webhooks, disable it, or enable it again",
        description="Only what is sent changes. What happens while an endpoint is disabled is not kept for it.",
        body=Content(WebhookChange, example={"description": "Till of the branch", "is_enabled": True}),
        answers={200: WebhookAnswer},
        refuses=("webhook_not_found",),
    )
    async def on_patch(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, webhook_id: int) -> None:
        change = await read_json(req, WebhookChange)
        if not isinstance(change.url, UnsetType):
            change = replace(change, url=callable_url(change.url, loopback=self._loopback))
        async with self._pool.connection() as connection, connection.transaction():
            before = await locked_endpoint(connection, webhook_id)
            await endpoints.change(connection, webhook_id, change.onto(before))
            if change.is_enabled is True:
                await endpoints.enable(connection, webhook_id)
            elif change.is_enabled is False:
                await endpoints.disable(connection, webhook_id)
            endpoint = await read_endpoint(connection, webhook_id)
            await note_change(req, connection, "webhook.changed", webhook_id, audited(before), audited(endpoint))
        log.info("webhook changed", webhook=webhook_id, by=req.context.principal.user_id)
        message = "Webhook updated successfully"
        respond(resp, WebhookAnswer(message=message, data=WebhookShown(**fields_of(endpoint))))

    @operation(
        "Delete an endpoint of webhooks",
        description="What waits for it is not sent any more, and its log cannot be read any more.",
        answers={200: Done},
        refuses=("webhook_not_found",),
    )
    async def on_delete(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, webhook_id: int) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            endpoint = await locked_endpoint(connection, webhook_id)
            await endpoints.delete(connection, webhook_id)
            await note_change(req, connection, "webhook.deleted", webhook_id, audited(endpoint), None)
        log.info("webhook deleted", webhook=webhook_id, by=req.context.principal.user_id)
        respond(resp, Done(message="Webhook deleted successfully"))


def callable_url(url: str, *, loopback: bool) -> str:
    """A URL in its one usual form. Raises Problem 400 for one that will never be called."""
    try:
        return parse_target(url, loopback=loopback).url
    except BadTargetError as problem:
        raise invalid([FieldProblem("url", str(problem))]) from None


def in_order(event_types: list[BookingWord]) -> list[BookingWord]:
    """Each once."""
    return [one for one in EVENT_TYPES if one in event_types]


async def read_endpoint(connection: AsyncConnection, webhook_id: int) -> Endpoint:
    """Raises Problem 404."""
    endpoint = await endpoints.by_id(connection, webhook_id)
    if endpoint is None:
        raise Problem(404, "webhook_not_found", "Webhook not found")
    return endpoint


async def locked_endpoint(connection: AsyncConnection, webhook_id: int) -> Endpoint:
    """The same, and nobody else changes it until the transaction ends."""
    await endpoints.lock(connection, webhook_id)
    return await read_endpoint(connection, webhook_id)


def audited(endpoint: Endpoint) -> dict[str, Any]:
    """What the audit log says of it."""
    return {
        "url": endpoint.url,
        "event_types": list(endpoint.event_types),
        "description": endpoint.description,
        "is_enabled": endpoint.disabled_at is None,
    }


def fields_of(endpoint: Endpoint) -> dict[str, Any]:
    """The fields of a `WebhookShown`."""
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "event_types": list(endpoint.event_types),
        "description": endpoint.description,
        "is_enabled": endpoint.disabled_at is None,
        "disabled_at": endpoint.disabled_at and micros(endpoint.disabled_at),
        "disabled_why": endpoint.disabled_why,
        "failing_since": endpoint.failing_since and micros(endpoint.failing_since),
        "failures": endpoint.failures,
        "waiting": endpoint.waiting,
        "parked": endpoint.parked,
        "previous_secret_until": endpoint.previous_until and micros(endpoint.previous_until),
        "created_by": endpoint.created_by,
        "created_at": micros(endpoint.created_at),
    }
