"""The span of a sampled request: the first of its trace, or a part of its caller's.

Only a trusted proxy may say to which trace a request belongs and whether that is sampled. Otherwise anybody could have
every request of theirs traced, or put it into somebody else's trace. Our own front door drops what clients send.
"""

from __future__ import annotations

from collections.abc import Callable

import falcon.asgi

from api.http.request_metrics import METHODS, route_of
from core import logs
from core.settings import Traces
from core.tracing import spans
from core.tracing.context import Caller, TraceContext, caller_of, new_span_id, new_trace_id
from core.tracing.spans import OpenSpan, SpanKind

UNTRACED = frozenset({"/healthz", "/readyz"})
"""Asked every few seconds by machines."""
OTHER_METHOD = "_OTHER"
"""In OpenTelemetry's conventions: a method that is not one of HTTP's."""
SERVER_ERRORS = 500
OPEN = "holdfast.span"
"""In the ASGI scope, while the request is under way."""

_COUNTED_BITS = 64
"""Of a trace's id, the last: by these OpenTelemetry's ratio sampler decides, and so all services of a trace alike."""
_COUNTED_DIGITS = _COUNTED_BITS // 4


class Sampler:
    def __init__(self, traces: Traces) -> None:
        self._below = round(traces.ratio * 2**_COUNTED_BITS)
        self._follows = traces.parent_based

    def begin(self, name: str, caller: Caller | None) -> OpenSpan | None:
        """A span for a request, in its caller's trace if there is one; None if it is not sampled."""
        trace_id = new_trace_id() if caller is None else caller.context.trace_id
        if caller is not None and self._follows:
            is_sampled = caller.is_sampled
        else:
            is_sampled = int(trace_id[-_COUNTED_DIGITS:], 16) < self._below
        if not is_sampled:
            return None
        parent_id = None if caller is None else caller.context.span_id
        return OpenSpan(name, SpanKind.SERVER, TraceContext(trace_id, new_span_id()), parent_id)


class RequestTraces:
    """A middleware, only where traces are switched on."""

    def __init__(self, sampler: Sampler, trusts: Callable[[str], bool]) -> None:
        """`trusts` says whether an address is a configured proxy."""
        self._sampler = sampler
        self._trusts = trusts

    async def process_request(self, req: falcon.asgi.Request, _resp: falcon.asgi.Response) -> None:
        span = None if req.path in UNTRACED else self._sampler.begin("request", self._caller(req))
        spans.current.set(None if span is None else span.context)  # a connection's requests share what is set
        if span is not None:
            req.scope[OPEN] = span
            logs.bind(trace_id=span.context.trace_id)

    def _caller(self, req: falcon.asgi.Request) -> Caller | None:
        sent = req.get_header("traceparent")
        return None if sent is None or not self._trusts(req.remote_addr or "") else caller_of(sent)

    async def process_response(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, _resource: object, _succeeded: object
    ) -> None:
        span: spans.OpenSpan | None = req.scope.pop(OPEN, None)
        if span is None:
            return
        method, route, status = req.method, route_of(req.uri_template), resp.status_code
        method = method if method in METHODS else OTHER_METHOD
        span.name = f"{method} {route}"
        span.attributes |= {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
        }
        spans.end(span, str(status) if status >= SERVER_ERRORS else None)
