"""Spans: measured here, sent by the process's exporter. Without one nothing is measured.

A span is recorded when it is over. Names and attributes are our own words, ids and numbers: never what a client sent,
nor anything about a person.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from typing import Protocol

from msgspec import Struct

from core.tracing.context import TraceContext, context_of, new_span_id

Value = str | int | float | bool
Attributes = Mapping[str, Value]


class SpanKind(Enum):
    """As OpenTelemetry names them."""

    INTERNAL = "INTERNAL"
    SERVER = "SERVER"
    CLIENT = "CLIENT"
    PRODUCER = "PRODUCER"
    CONSUMER = "CONSUMER"


class Span(Struct, frozen=True):
    """A sampled piece of work with its beginning and end, in nanoseconds since 1970."""

    name: str
    context: TraceContext
    parent_id: str | None
    kind: SpanKind
    began_ns: int
    ended_ns: int
    attributes: Attributes
    links: Sequence[TraceContext] = ()
    problem: str | None = None
    """Why it failed, in a word; None if it did not."""


class Exporter(Protocol):
    def put(self, span: Span) -> None:
        """Returns at once; drops the span if there is no room."""
        ...


class _Process:
    exporter: Exporter | None = None


current: ContextVar[TraceContext | None] = ContextVar("the sampled span that this is done in", default=None)


def export_with(exporter: Exporter | None) -> None:
    """For this process, from now on. With None nothing is measured any more."""
    _Process.exporter = exporter


def is_on() -> bool:
    return _Process.exporter is not None


class OpenSpan:
    """Work under way. It becomes a span when it is `end`ed, and leaves none otherwise."""

    __slots__ = ("attributes", "began_ns", "context", "kind", "name", "parent_id", "problem")

    def __init__(self, name: str, kind: SpanKind, context: TraceContext, parent_id: str | None) -> None:
        self.name = name
        self.kind = kind
        self.context = context
        self.parent_id = parent_id
        self.attributes: dict[str, Value] = {}
        self.problem: str | None = None
        self.began_ns = time.time_ns()

    def end(self) -> None:
        record(
            Span(
                self.name,
                self.context,
                self.parent_id,
                self.kind,
                self.began_ns,
                time.time_ns(),
                self.attributes,
                problem=self.problem,
            )
        )


def child_of(parent: TraceContext) -> TraceContext:
    return TraceContext(parent.trace_id, new_span_id())


def begin(name: str, kind: SpanKind = SpanKind.INTERNAL, parent: TraceContext | None = None) -> OpenSpan | None:
    """A child of `parent`, or else of the current span; None unless that is sampled."""
    if _Process.exporter is None:
        return None
    parent = parent or current.get()
    return None if parent is None else OpenSpan(name, kind, child_of(parent), parent.span_id)


@contextmanager
def within(name: str, traceparent: str) -> Iterator[OpenSpan]:
    """Continue a sampled trace of another process: what is begun in the block is its child."""
    parent = context_of(traceparent)
    span = OpenSpan(name, SpanKind.INTERNAL, child_of(parent), parent.span_id)
    token = current.set(span.context)
    try:
        yield span
    finally:
        current.reset(token)
        span.end()


def end(span: OpenSpan | None, problem: str | None = None) -> None:
    """End a span, if there is one."""
    if span is not None:
        span.problem = problem
        span.end()


def record(span: Span) -> None:
    if _Process.exporter is not None:
        _Process.exporter.put(span)
