"""`GET /api/schema/feeds/`."""

from __future__ import annotations

import falcon.asgi

from api.asyncapi.document import document
from api.http.responses import respond_encoded
from api.openapi.operation import operation
from core.wire.outcomes import encode


class FeedsSchema:
    def __init__(self, public_url: str) -> None:
        self._bytes = encode(document(public_url))

    @operation("The description of the WebSocket feeds, as AsyncAPI 3.0", answers={200: dict}, tag="openapi")
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        respond_encoded(resp, self._bytes)
