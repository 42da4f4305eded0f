"""Spans of messages on their way to sockets: from the reading of the event until the message is written."""

from __future__ import annotations

import time

from msgspec.structs import replace

from core.tracing import spans
from core.tracing.context import TraceContext, context_of
from core.tracing.spans import Span, SpanKind, child_of
from notifier.hub import Message

SOCKETS_TRACED = 4
"""Of all that hear one message: nobody reads ten thousand spans that say the same."""


class TracedPayload(bytes):
    """A message that belongs to a sampled request."""

    parent: TraceContext
    began_ns: int
    left: int
    """Sockets that may still have a span."""

    def written(self, feed: str) -> None:
        """To one more socket, of this feed."""
        if self.left > 0:
            self.left -= 1
            spans.record(
                Span(
                    "socket",
                    child_of(self.parent),
                    self.parent.span_id,
                    SpanKind.PRODUCER,
                    self.began_ns,
                    time.time_ns(),
                    {"holdfast.feed": feed, "holdfast.bytes": len(self)},
                )
            )


def traced(message: Message, began_ns: int) -> Message:
    """The same message; when it is written it leaves a span, if it belongs to a sampled request."""
    if message.traceparent is None:
        return message
    payload = TracedPayload(message.payload)
    payload.parent, payload.began_ns, payload.left = context_of(message.traceparent), began_ns, SOCKETS_TRACED
    return replace(message, payload=payload)
