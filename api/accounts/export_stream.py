"""What is kept about somebody, streamed as JSON: for themselves, and for staff."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import falcon
from falcon.asgi import Response
from msgspec import Struct

from core.identity.personal_data.export import export
from core.store.connections.pool import Pool

BEGIN_BYTES = 256 * 1024
"""Of an export that are read before the answer begins."""
WITHOUT = ", without commands and their answers, which are gone after 30 days"


class Export(Struct, frozen=True, kw_only=True):
    """The rows about the person, by subject; an empty list where there are none."""

    success: bool
    message: str
    data: dict[str, list[dict[str, Any]]]


async def stream_export(resp: Response, pool: Pool, user_id: int, message: str) -> None:
    """`message` is one of ours: it is not escaped."""
    body = _body(export(pool, user_id), (message + WITHOUT).encode())
    begun = await _begin(body)  # what fails by then is a 503, not an answer that breaks off
    resp.stream = _continued(begun, body)
    resp.content_type = falcon.MEDIA_JSON
    resp.set_header("Content-Disposition", 'attachment; filename="holdfast-export.json"')


async def _begin(body: AsyncIterator[bytes]) -> bytes:
    """All of a usual export; the beginning of a long one."""
    begun = b""
    async for part in body:
        begun += part
        if len(begun) >= BEGIN_BYTES:
            break
    return begun


async def _continued(begun: bytes, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield begun
    async for part in body:
        yield part


async def _body(data: AsyncIterator[bytes], message: bytes) -> AsyncIterator[bytes]:
    yield b'{"success":true,"message":"' + message + b'","data":'
    async for part in data:
        yield part
    yield b"}"
