"""How a responder answers: with one value, as JSON. It refuses by raising a `Problem` (api/http/errors.py)."""

from __future__ import annotations

import gzip
from functools import lru_cache

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


def respond_zipped(req: falcon.asgi.Request, resp: falcon.asgi.Response, body: bytes) -> None:
    """Answer with bytes that are always the same, compressed for clients that take that. They hold no secret."""
    resp.append_header("Vary", "Accept-Encoding")
    if takes_gzip(req.get_header("Accept-Encoding")):
        resp.data = _zipped(body)
        resp.set_header("Content-Encoding", "gzip")
    else:
        resp.data = body


def takes_gzip(accept_encoding: str | None) -> bool:
    """By RFC 9110, 12.5.3: named, or meant by `*`, and not with a weight of 0."""
    weights = dict(map(_coding, (accept_encoding or "").split(",")))
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _coding(one: str) -> tuple[str, float]:
    name, _, parameter = one.partition(";")
    weight = parameter.strip().lower().removeprefix("q=")
    try:
        return name.strip().lower(), float(weight) if weight else 1.0
    except ValueError:
        return name.strip().lower(), 0.0


@lru_cache(maxsize=8)  # of Swagger UI's files and the two descriptions
def _zipped(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)
