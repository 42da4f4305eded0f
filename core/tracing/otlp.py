"""Sends spans to a collector by OTLP over HTTP. The one place that imports OpenTelemetry, and that only where it is used.

Nothing waits for it: spans are queued, and a thread of their own sends them. What the queue has no room for is dropped
and counted. A collector that is away, slow or fails costs spans, and no request, lane or stop.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Encoded
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from opentelemetry.sdk.resources import Resource

from core import release
from core.settings import Traces
from core.tracing.spans import Span, SpanKind

log = structlog.get_logger()

QUEUED_MAX = 8_192
"""Spans that wait to be sent: some seconds' worth, and few megabytes."""
SENT_AT_ONCE = 1_000
EVERY_S = 2.0
SENT_WITHIN_S = 5.0
"""For all retries together; then the batch is lost."""
FLUSH_S = 1.0
"""How long a stopping process waits for its last spans."""

_KINDS = {kind: Encoded.SpanKind.Value(f"SPAN_KIND_{kind.value}") for kind in SpanKind}
_SAMPLED = 1
_SCOPE = "holdfast"


class OtlpExporter:
    """Made after the fork: a thread does not survive one."""

    def __init__(self, traces: Traces, process: str) -> None:
        self._said = _last_words()
        self._sender = _Sender(
            endpoint=traces.endpoint,
            certificate_file=traces.certificate,
            headers=dict(traces.headers),
            timeout=SENT_WITHIN_S,
        )
        self._resource = _resource(traces, process)
        self._queue: deque[Span] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._dropped = 0
        self._fails = False
        self._thread = threading.Thread(target=self._send_for_ever, name="traces", daemon=True)
        self._thread.start()

    def put(self, span: Span) -> None:
        waiting = len(self._queue)
        if waiting >= QUEUED_MAX:
            self._dropped += 1
            return
        self._queue.append(span)
        if waiting >= SENT_AT_ONCE:
            self._wake.set()

    def close(self, within_s: float = FLUSH_S) -> None:
        """Send what is left, as far as time allows."""
        self._stopping = True
        self._wake.set()
        self._thread.join(within_s)
        self._sender.shutdown()  # type: ignore[no-untyped-call]  # as the library has it

    def _send_for_ever(self) -> None:
        while not self._stopping:
            self._wake.wait(EVERY_S)
            self._wake.clear()
            while self._queue:
                self._send([self._queue.popleft() for _ in range(min(len(self._queue), SENT_AT_ONCE))])

    def _send(self, spans: Sequence[Span]) -> None:
        try:
            done = self._sender.send(encoded(spans, self._resource))
        except Exception as problem:  # noqa: BLE001 - whatever the library raises: the next batch is tried
            done, self._said.message = False, repr(problem)
        self._dropped += 0 if done else len(spans)
        self._tell(done=done)

    def _tell(self, *, done: bool) -> None:
        """One line when sending begins to fail, and one when it works again."""
        if not done and not self._fails:
            log.warning("spans cannot be sent and are dropped", problem=self._said.message)
        elif done and self._dropped:
            log.warning("spans are sent again", dropped=self._dropped)
            self._dropped = 0
        self._fails = not done


class _Sender(OTLPSpanExporter):
    """OpenTelemetry's exporter, with its retries; what it sends is encoded here, at a third of the cost."""

    def send(self, body: bytes) -> bool:
        return self._client.export(body).success


def encoded(spans: Sequence[Span], resource: Mapping[str, Any]) -> bytes:
    """As OTLP has it."""
    request = ExportTraceServiceRequest()
    whole = request.resource_spans.add()
    _attach(whole.resource.attributes, resource)
    scope = whole.scope_spans.add()
    scope.scope.name = _SCOPE
    scope.spans.extend(map(_encoded, spans))
    body: bytes = request.SerializeToString()
    return body


def _encoded(span: Span) -> Encoded:
    one = Encoded(
        trace_id=bytes.fromhex(span.context.trace_id),
        span_id=bytes.fromhex(span.context.span_id),
        name=span.name,
        kind=_KINDS[span.kind],
        start_time_unix_nano=span.began_ns,
        end_time_unix_nano=span.ended_ns,
        flags=_SAMPLED,
    )
    if span.parent_id is not None:
        one.parent_span_id = bytes.fromhex(span.parent_id)
    if span.problem is not None:
        one.status.code, one.status.message = Status.STATUS_CODE_ERROR, span.problem
    for link in span.links:
        one.links.add(trace_id=bytes.fromhex(link.trace_id), span_id=bytes.fromhex(link.span_id), flags=_SAMPLED)
    _attach(one.attributes, span.attributes)
    return one


def _attach(attributes: Any, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        held = attributes.add(key=name).value
        match value:
            case bool():
                held.bool_value = value
            case int():
                held.int_value = value
            case float():
                held.double_value = value
            case _:
                held.string_value = value


def _resource(traces: Traces, process: str) -> Mapping[str, Any]:
    told = dict(traces.resource)
    named: dict[str, str | int] = {
        **told,
        "service.name": traces.service_name or told.get("service.name") or f"holdfast-{process}",
        "service.version": release.VERSION,
        "service.instance.id": str(uuid4()),
        "holdfast.process": process,
        "host.name": socket.gethostname(),
        "process.pid": os.getpid(),
    }
    return Resource.create(dict(named)).attributes


class _LastWords(logging.Handler):
    """OpenTelemetry's last message: it repeats it for each batch, and we log it once."""

    message = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.message = record.getMessage()


def _last_words() -> _LastWords:
    heard = _LastWords(logging.WARNING)
    library = logging.getLogger("opentelemetry")
    library.handlers[:] = [heard]
    library.propagate = False
    return heard
