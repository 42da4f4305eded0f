"""A collector for traces: OTLP over HTTP, in protobuf, as OpenTelemetry's own collector takes it on port 4318."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.support.wait import wait_until

TRACES = "/v1/traces"
PROTOBUF = "google/_upb/_message"
"""The library in C that every sender by OTLP has loaded, and nothing else of ours (/proc/PID/maps)."""


@dataclass(frozen=True)
class Received:
    """A span as it came."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    """Empty for the first of a trace."""
    began_ns: int
    ended_ns: int
    attributes: dict[str, Any]
    resource: dict[str, Any]
    links: tuple[str, ...]
    is_error: bool
    problem: str


@dataclass
class Collector:
    """What it received, and how it behaves."""

    url: str = ""
    spans: list[Received] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    status: int = 200
    goes_on: threading.Event = field(default_factory=threading.Event)
    """Cleared, it answers nobody."""

    def environment(self, **more: str) -> dict[str, str]:
        """Settings of a process that sends everything here."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_TRACES_SAMPLER": "parentbased_always_on", **more}

    def trace(self, trace_id: str) -> list[Received]:
        """Its spans, in the order in which they began."""
        return sorted((one for one in self.spans if one.trace_id == trace_id), key=lambda one: one.began_ns)

    def wait_for(self, wanted: Callable[[Received], bool], what: str) -> Received:
        wait_until(lambda: any(map(wanted, self.spans)), f"a span of {what} arrives")
        return next(filter(wanted, self.spans))

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        self.goes_on.wait()
        if self.status == 200:
            self.bodies.append(body)
            self.headers.append(headers)
            self.spans += _spans(ExportTraceServiceRequest.FromString(body))
        return self.status


@contextmanager
def collector() -> Iterator[Collector]:
    one = Collector()
    one.goes_on.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            fits = (self.path, self.headers["Content-Type"]) == (TRACES, "application/x-protobuf")
            status = one.take(body, dict(self.headers.items())) if fits else 404
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    one.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True, name="collector").start()
    try:
        yield one
    finally:
        one.goes_on.set()
        server.shutdown()
        server.server_close()


def _spans(request: ExportTraceServiceRequest) -> Iterator[Received]:
    for whole in request.resource_spans:
        resource = _values(whole.resource.attributes)
        for scope in whole.scope_spans:
            for one in scope.spans:
                yield Received(
                    name=one.name,
                    kind=one.kind,
                    trace_id=one.trace_id.hex(),
                    span_id=one.span_id.hex(),
                    parent_id=one.parent_span_id.hex(),
                    began_ns=one.start_time_unix_nano,
                    ended_ns=one.end_time_unix_nano,
                    attributes=_values(one.attributes),
                    resource=resource,
                    links=tuple(link.span_id.hex() for link in one.links),
                    is_error=one.status.code == one.status.STATUS_CODE_ERROR,
                    problem=one.status.message,
                )


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
