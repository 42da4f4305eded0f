"""What a payer's browser asks for: the settings of a page that pays, and the pages that Stripe sends it back to.

`GET /api/payment-settings/` is for Stripe's own elements. `/payment/success` and `/payment/cancel` know nothing of the
payment: Stripe's webhook says what became of it, and the booking shows that.
"""

from __future__ import annotations

import base64
import hashlib

import falcon.asgi
from msgspec import Struct

from api.http.responses import respond_encoded
from api.openapi import Content, operation
from core.settings import Settings
from core.wire.outcomes import encode

STYLE = "body{font:1.1rem/1.6 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem}"
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{style}</style></head>
<body>
<h1>{title}</h1>
<p>{words}</p>
</body>
</html>
"""
SUCCESS = (
    "Thank you",
    (
        "Your payment was sent. As soon as it is confirmed, usually within seconds, your booking shows as confirmed. "
        "Should your place be gone by then, the money goes back to you by itself."
    ),
)
CANCEL = (
    "Nothing was paid",
    "Your place stays held until its time runs out. Until then you can go back and pay for it.",
)


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


class Page:
    def __init__(self, title: str, words: str) -> None:
        self._page = PAGE.format(title=title, words=words, style=STYLE).encode()

    @operation("A page that payers come back to", answers={200: Content(media_type="text/html")})
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.data = self._page
        resp.content_type = "text/html; charset=utf-8"
        resp.set_header("Content-Security-Policy", POLICY)
