"""Requests as responders see them, without a server."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import falcon.asgi
import falcon.testing


class _Stream:
    def __init__(self, raw: bytes) -> None:
        self._raw = io.BytesIO(raw)

    async def read(self, size: int = -1) -> bytes:
        return self._raw.read(size)


def request(
    *, query: str = "", headers: Mapping[str, str] | None = None, body: bytes = b"", method: str = "GET"
) -> falcon.asgi.Request:
    made: Any = falcon.testing.create_asgi_req(
        path="/api/test/", query_string=query, headers=dict(headers or {}), method=method, body=body
    )
    made._stream = _Stream(body)
    made.context.raw_body = b""
    return made  # type: ignore[no-any-return]
