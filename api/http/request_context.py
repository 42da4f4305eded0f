"""What every request gets: an id, its client's address, a line in the log, a place in the metrics."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from secrets import token_hex
from uuid import UUID

import falcon.asgi
import structlog

from api.http.request_metrics import RequestMetrics
from core import logs
from core.client_addresses import Addresses
from core.metrics.meter import Meter
from core.store.connections.bounded import note_changes
from core.text_forms import REQUEST_ID

log = structlog.get_logger()

_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
REQUEST_ID_BYTES = 16
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""They change nothing, and a body of theirs means nothing (RFC 9110, 9.2.1 and 9.3.1)."""

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class RequestContext:
    """Names each request, finds its client's address, and logs it when it is answered."""

    def __init__(self, trusted_proxies: Sequence[str], metrics: RequestMetrics | None = None) -> None:
        self._addresses = Addresses(trusted_proxies)
        self.trusts = self._addresses.trusts
        self._observe = (metrics or RequestMetrics(Meter())).observe

    async def process_request(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        sent = req.get_header("X-Request-ID")
        req.context.started = time.perf_counter()
        req.context.request_id = sent if sent and REQUEST_ID.fits(sent) else token_hex(REQUEST_ID_BYTES)
        req.context.address = self._addresses.of(req.remote_addr or "", [req.get_header("X-Forwarded-For") or ""])
        req.context.chosen_id = self._chosen_id(req)
        req.context.raw_body = b""
        logs.begin(request_id=req.context.request_id)
        note_changes()
        resp.set_headers(SECURITY_HEADERS)  # before the resource, so that one that sets its own keeps it
        resp.set_header("X-Request-ID", req.context.request_id)

    def _chosen_id(self, req: falcon.asgi.Request) -> UUID | None:
        """The command id that the front door chose for this request. Clients may not choose one: an id gives access."""
        sent = req.get_header("Holdfast-Command")
        if sent is None or not _UUID4.fullmatch(sent) or not self._addresses.trusts(req.remote_addr or ""):
            return None
        return UUID(sent)

    async def process_response(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, _resource: object, _succeeded: object
    ) -> None:
        if not hasattr(req.context, "started"):  # Falcon refuses the method WEBSOCKET before any middleware
            await self.process_request(req, resp)
        elapsed_s = time.perf_counter() - req.context.started
        status = resp.status_code
        self._observe(req.method, req.uri_template, status, elapsed_s)
        path = logs.without_tokens(req.path)
        log.info("request", method=req.method, path=path, status=status, elapsed_ms=round(elapsed_s * 1000, 2))
