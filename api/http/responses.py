"""How a responder answers: with one value, as JSON. It refuses by raising a `Problem` (api/http/errors.py)."""

from __future__ import annotations

import falcon
import falcon.asgi

from core.wire.outcomes import encode


def respond(resp: falcon.asgi.Response, body: object, status: int = 200) -> None:
    """Answer with a value that msgspec can encode."""
    respond_encoded(resp, encode(body), status)


def respond_encoded(resp: falcon.asgi.Response, body: bytes, status: int = 200) -> None:
    """Answer with what is JSON already."""
    resp.status = status
    resp.data = body
    resp.content_type = falcon.MEDIA_JSON
