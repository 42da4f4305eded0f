"""`GET /api/payment-settings/`: what a payer's page needs to know to pay with Stripe's own elements."""

from __future__ import annotations

import falcon.asgi
from msgspec import Struct

from api.http.responses import respond_encoded
from api.openapi import operation
from core.settings import Settings
from core.wire.outcomes import encode


class PaymentSettingsShown(Struct, frozen=True, kw_only=True):
    """Nothing of it is secret: the publishable key goes into every payer's browser."""

    is_set_up: bool
    publishable_key: str
    payment_method_types: tuple[str, ...]
    success_url: str
    cancel_url: str


class PaymentSettings:
    def __init__(self, settings: Settings) -> None:
        stripe = settings.stripe
        shown = PaymentSettingsShown(
            is_set_up=stripe is not None,
            publishable_key=stripe.publishable_key if stripe else "",
            payment_method_types=stripe.method_types if stripe else (),
            success_url=settings.payment_success_url,
            cancel_url=settings.payment_cancel_url,
        )
        self._body = encode(shown)

    @operation("What a payer's page needs to know", answers={200: PaymentSettingsShown})
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        respond_encoded(resp, self._body)
