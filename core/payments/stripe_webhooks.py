"""What Stripe knows of the webhooks of our account: asked by `doctor` and `migrate`, never while Holdfast serves."""

from __future__ import annotations

import stripe
from msgspec import Struct

from core.payments.stripe import PAGE_MAX, STRIPE_VERSION
from core.payments.stripe_events import INTENT_EVENTS, OPERATORS_EVENTS, REFUND_EVENTS

NEEDED_EVENTS = INTENT_EVENTS | REFUND_EVENTS | OPERATORS_EVENTS
EVERY_EVENT = "*"


class WebhookEndpoint(Struct, frozen=True):
    url: str
    is_enabled: bool
    events: frozenset[str]
    api_version: str | None
    """None: the account's default."""

    @property
    def missing_events(self) -> tuple[str, ...]:
        return () if EVERY_EVENT in self.events else tuple(sorted(NEEDED_EVENTS - self.events))


def webhook_endpoints(secret_key: str, api_base: str, within_s: float) -> list[WebhookEndpoint]:
    """Raises stripe.StripeError."""
    client = stripe.StripeClient(
        secret_key,
        stripe_version=STRIPE_VERSION,
        base_addresses={"api": api_base},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=within_s),
    )
    found = client.v1.webhook_endpoints.list({"limit": PAGE_MAX}).data
    return [
        WebhookEndpoint(one.url, one.status == "enabled", frozenset(map(str, one.enabled_events)), one.api_version)
        for one in found
    ]
