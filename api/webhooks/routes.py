"""The routes of webhooks."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from api.runtime import Runtime
from api.secrets_sealed_anew import SecretsSealedAnew
from api.webhooks.deliveries import Deliveries, OneDelivery
from api.webhooks.endpoint_actions import EndpointActions
from api.webhooks.endpoints import OneWebhook, Webhooks
from core.sealed_secrets import SecretBox
from core.store.webhooks.endpoints import reseal

ONE = "/api/admin/webhooks/{webhook_id:int}"


def add_routes(app: falcon.asgi.App[Any, Any], runtime: Runtime) -> None:
    settings, pool = runtime.settings, runtime.pool
    box = SecretBox(settings.secret_key, settings.secret_key_previous)
    one = OneWebhook(pool, loopback=settings.webhooks_loopback)
    actions = EndpointActions(pool, box, settings.time_zone)
    deliveries, delivery = Deliveries(pool, settings.time_zone), OneDelivery(pool)
    if settings.secret_key_previous is not None:
        app.add_middleware(SecretsSealedAnew(pool, box, reseal, "secrets of webhooks"))
    app.add_route("/api/admin/webhooks", Webhooks(pool, box, loopback=settings.webhooks_loopback))
    app.add_route(ONE, one)
    app.add_route(f"{ONE}/rotate-secret", actions, suffix="rotate_secret")
    app.add_route(f"{ONE}/test", actions, suffix="test")
    app.add_route(f"{ONE}/redeliver", actions, suffix="redeliver")
    app.add_route(f"{ONE}/deliveries", deliveries)
    app.add_route(f"{ONE}/deliveries/{{delivery_id:uuid}}", delivery)
    app.add_route(f"{ONE}/deliveries/{{delivery_id:uuid}}/redeliver", delivery, suffix="redeliver")
