"""Sending spans never holds anybody up, whatever the collector does."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from core.settings import Traces
from core.tracing import otlp, process, spans
from core.tracing.context import TraceContext, new_span_id, new_trace_id
from core.tracing.otlp import QUEUED_MAX, OtlpExporter
from core.tracing.spans import Span, SpanKind
from tests.support.processes.collector import Collector, collector
from tests.support.wait import wait_until

MOMENT_S = 3.0
"""Far more than putting thousands of spans into a queue takes, and less than one try to send any."""


@pytest.fixture
def received() -> Iterator[Collector]:
    with collector() as one:
        yield one


@pytest.fixture
def exporter(received: Collector, monkeypatch: pytest.MonkeyPatch) -> Iterator[OtlpExporter]:
    monkeypatch.setattr(otlp, "EVERY_S", 0.05)
    monkeypatch.setattr(otlp, "FLUSH_S", 0.2)
    one = OtlpExporter(sent_to(received), "tests")
    yield one
    received.goes_on.set()
    one.close()
    one._thread.join(10)


def sent_to(received: Collector) -> Traces:
    headers, resource = (("api-key", "hunter2"),), (("team", "desk"), ("service.name", "bookings"))
    return Traces(f"{received.url}/v1/traces", headers, None, None, resource, 1.0, parent_based=True)


def span(name: str = "inbox", *, problem: str | None = None, links: tuple[TraceContext, ...] = ()) -> Span:
    context = TraceContext(new_trace_id(), new_span_id())
    return Span(
        name,
        context,
        new_span_id(),
        SpanKind.PRODUCER,
        1_000,
        2_000,
        {"rows": 3, "ok": True, "ms": 0.5},
        links,
        problem,
    )


def test_a_span_arrives_as_it_is(exporter: OtlpExporter, received: Collector) -> None:
    other = TraceContext(new_trace_id(), new_span_id())
    sent = span(problem="parked", links=(other,))
    exporter.put(sent)
    found = received.wait_for(lambda one: one.span_id == sent.context.span_id, "our own")
    assert (found.name, found.trace_id, found.parent_id) == ("inbox", sent.context.trace_id, sent.parent_id)
    assert (found.began_ns, found.ended_ns, found.kind) == (1_000, 2_000, 4)
    assert (found.attributes, found.links) == ({"rows": 3, "ok": True, "ms": 0.5}, (other.span_id,))
    assert (found.is_error, found.problem) == (True, "parked")
    assert found.resource.items() >= {"service.name": "bookings", "team": "desk", "holdfast.process": "tests"}.items()
    assert received.headers[0]["api-key"] == "hunter2"


def test_a_collector_that_hangs_holds_nobody_up(exporter: OtlpExporter, received: Collector) -> None:
    received.goes_on.clear()
    began = time.monotonic()
    for _ in range(2 * QUEUED_MAX):
        exporter.put(span())
    assert time.monotonic() - began < MOMENT_S
    assert len(exporter._queue) <= QUEUED_MAX
    began = time.monotonic()
    exporter.close(0.2)
    assert time.monotonic() - began < 0.2 + MOMENT_S


@pytest.mark.parametrize("status", [500, 503, 429, 404])
def test_a_collector_that_fails_costs_spans_and_is_told_of_once(status: int, received: Collector) -> None:
    with capture_logs() as said:
        exporter = OtlpExporter(sent_to(received), "tests")
        exporter._sender._client._timeout = 0.1  # else it would try a 503 again for seconds
        received.status = status
        for failed in (1, 2):
            exporter._send([span()])
            assert exporter._dropped == failed
        received.status = 200
        exporter._send([last := span()])
        exporter.close()
    assert [one.span_id for one in received.spans] == [last.context.span_id]
    assert [one["event"] for one in said] == ["spans cannot be sent and are dropped", "spans are sent again"]
    assert (said[0]["problem"] != "", said[1]["dropped"]) == (True, 2)
    assert "hunter2" not in repr(said)


def test_a_process_that_stops_sends_what_is_left(received: Collector) -> None:
    process.start(sent_to(received), "tests")
    spans.end(spans.begin("lane visit", parent=TraceContext(new_trace_id(), new_span_id())))
    process.stop()
    assert [one.name for one in received.spans] == ["lane visit"]
    assert spans.begin("later", parent=TraceContext(new_trace_id(), new_span_id())) is None


def test_each_process_after_a_fork_has_an_exporter_of_its_own(received: Collector) -> None:
    """As gunicorn and a prefork pool make them: the parent has none."""
    children = []
    for number in (1, 2):
        if (pid := os.fork()) == 0:
            process.start(sent_to(received), f"child-{number}")
            spans.record(span(f"of child {number}"))
            process.stop()
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    wait_until(lambda: len(received.spans) == len(children), "both children's spans arrive")
    assert {(one.name, one.resource["holdfast.process"]) for one in received.spans} == {
        ("of child 1", "child-1"),
        ("of child 2", "child-2"),
    }
    assert len({one.resource["service.instance.id"] for one in received.spans}) == 2
    assert not spans.is_on()
