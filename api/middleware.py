"""What every request passes: its id, its address, its line in the log."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Sequence
from uuid import uuid4

import falcon.asgi
import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars

log = structlog.get_logger()

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Requests:
    """Names each request, finds its client's address, and logs it when it is answered."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._trusted = [ipaddress.ip_network(proxy) for proxy in trusted_proxies]

    async def process_request(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        clear_contextvars()
        sent = req.get_header("X-Request-ID") or ""
        req.context.started = time.perf_counter()
        req.context.request_id = sent if _REQUEST_ID.fullmatch(sent) else uuid4().hex
        req.context.address = self._address(req)
        req.context.raw_body = b""
        bind_contextvars(request_id=req.context.request_id)
        resp.set_header("X-Request-ID", req.context.request_id)

    async def process_response(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, _resource: object, _succeeded: object
    ) -> None:
        for name, value in SECURITY_HEADERS.items():
            if resp.get_header(name) is None:
                resp.set_header(name, value)
        elapsed_ms = (time.perf_counter() - req.context.started) * 1000
        log.info("request", method=req.method, path=req.path, status=resp.status_code, elapsed_ms=round(elapsed_ms, 2))

    def _address(self, req: falcon.asgi.Request) -> str:
        """The client's address: the nearest hop that is not a configured proxy."""
        hops = [hop.strip() for hop in (req.get_header("X-Forwarded-For") or "").split(",") if hop.strip()]
        nearest = req.remote_addr or ""
        while hops and self._is_trusted(nearest):
            nearest = hops.pop()
        return nearest

    def _is_trusted(self, address: str) -> bool:
        try:
            one = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(one in network for network in self._trusted)
