"""Reading a bulk's body: piece by piece, within bounds, and whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import falcon.asgi

from api.contracts.agent.bulk.limits import BODY_MAX_BYTES, PIECE_BYTES, SLICE_S
from api.contracts.agent.bulk.loop_budget import LoopBudget
from api.contracts.agent.bulk.row_splitter import Row, RowSplitter
from api.http.disconnects import body_timeout, client_disconnected
from api.http.errors import Problem

TOO_LARGE = f"The body is larger than the {BODY_MAX_BYTES} bytes allowed here"


class Body:
    """One body as it arrives. Its hash is of what was read so far."""

    def __init__(self, req: falcon.asgi.Request) -> None:
        self._req = req
        self._hash = hashlib.sha256()

    def hash_with(self, request: str) -> bytes:
        """Of the body and of what else makes two requests the same."""
        whole = self._hash.copy()
        whole.update(b"\0" + request.encode())
        return whole.digest()

    async def rows(self, splitter: RowSplitter) -> AsyncIterator[Row]:
        """All rows, with a breath for other requests in between. Raises Problem 400 for an unreadable body."""
        breath = LoopBudget(SLICE_S)
        async for piece in self._pieces():
            for row in splitter.feed(piece):
                yield row
                await breath.take()
        for row in splitter.end():
            yield row

    async def _pieces(self) -> AsyncIterator[bytes]:
        if (self._req.content_length or 0) > BODY_MAX_BYTES:
            raise Problem(400, "body_too_large", TOO_LARGE)
        received = 0
        while piece := await self._req.stream.read(PIECE_BYTES):
            received += len(piece)
            if received > BODY_MAX_BYTES:
                raise Problem(400, "body_too_large", TOO_LARGE)
            self._hash.update(piece)
            yield piece
        if client_disconnected(self._req):
            raise body_timeout()
