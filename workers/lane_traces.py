"""Spans of a visit to the lanes: each sampled command of the batch has its own, in the trace of its request."""

from __future__ import annotations

from collections.abc import Iterator

from core.domain.commands import type_of
from core.engine.failed_commands import Parked
from core.engine.lane import VisitResult
from core.store.inbox.outcomes import DEFERRED
from core.store.save import Decided
from core.tracing import spans
from core.tracing.context import TraceContext, context_of
from core.tracing.spans import Span, SpanKind, Value, child_of

_NS_A_MS = 1e6
PARKED = "parked"


def record_visit(turn: VisitResult, began_telling: int, told: int) -> None:
    """After the commit and after the outcomes are published; times in nanoseconds since 1970."""
    first: TraceContext | None = None
    for one, context in _sampled(turn):
        visit = _record_decision(turn, one, context, began_telling, first)
        first = first or visit
        if one.outcome is not DEFERRED:
            status: dict[str, Value] = {
                "holdfast.outcome": one.outcome.status,
                "http.response.status_code": one.outcome.http_status,
            }
            spans.record(
                Span("outcome", child_of(visit), visit.span_id, SpanKind.PRODUCER, began_telling, told, status)
            )


def _sampled(turn: VisitResult) -> Iterator[tuple[Decided | Parked, TraceContext]]:
    ended: list[Decided | Parked] = [*turn.decided, *turn.parked]
    for one in ended:
        if one.envelope.traceparent is not None:
            yield one, context_of(one.envelope.traceparent)


def _record_decision(
    turn: VisitResult, one: Decided | Parked, parent: TraceContext, began_telling: int, first: TraceContext | None
) -> TraceContext:
    """The context of the visit's span; commands that were decided together are linked to the first of them."""
    times = turn.times
    if times is None or isinstance(one, Parked):
        return parent
    visit = child_of(parent)
    attributes: dict[str, Value] = {
        "holdfast.command_id": str(one.envelope.id),
        "holdfast.command_type": type_of(one.envelope.command),
        "holdfast.batch_size": len(turn.decided),
        "holdfast.load_ms": (times.loaded - times.began) / _NS_A_MS,
    }
    if turn.decided_at is not None:
        attributes["holdfast.waited_ms"] = (turn.decided_at - one.envelope.accepted_at).total_seconds() * 1e3
    decided = times.decided.get(one.envelope.id)
    if decided is not None:
        spans.record(
            Span(
                "decide",
                child_of(visit),
                visit.span_id,
                SpanKind.INTERNAL,
                *decided,
                {"holdfast.outcome": one.outcome.status},
            )
        )
    spans.record(
        Span(
            "lane visit",
            visit,
            parent.span_id,
            SpanKind.CONSUMER,
            times.began,
            times.saved or began_telling,
            attributes,
            () if first is None else (first,),
            PARKED if one.outcome.status == "failed" else None,
        )
    )
    return visit
