"""Requests as responders see them, without a server."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from typing import Any

import falcon.asgi
import falcon.testing
import msgspec

from api.http.bodies import parse_json
from api.http.errors import Problem


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


def refused_fields(kind: type[msgspec.Struct], body: Any, needs: Collection[str] = ()) -> list[str]:
    """The fields that a body of this kind is refused for; none if it is good."""
    try:
        parse_json(msgspec.json.encode(body), kind, needs)
    except Problem as problem:
        return [one.field for one in problem.problems]
    return []
