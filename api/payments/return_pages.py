"""`/payment/success` and `/payment/cancel`: where Stripe sends a payer's browser back to.

A page knows nothing of the payment: Stripe's word comes by its webhook, and the booking tells.
"""

from __future__ import annotations

import base64
import hashlib

import falcon.asgi

from api.openapi import Content, operation

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


class Page:
    def __init__(self, title: str, words: str) -> None:
        self._page = PAGE.format(title=title, words=words, style=STYLE).encode()

    @operation("A page that payers come back to", answers={200: Content(media_type="text/html")})
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.data = self._page
        resp.content_type = "text/html; charset=utf-8"
        resp.set_header("Content-Security-Policy", POLICY)
