"""The span of a request: whose trace it is in, what it is called, and what it does not say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import falcon.asgi
import falcon.testing
import pytest

from api.http.disconnects import App
from api.http.request_context import RequestContext
from api.http.request_traces import RequestTraces, Sampler
from core.settings import Traces
from core.tracing import spans
from core.tracing.spans import Span

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
PROXY, ANYBODY = "127.0.0.1", "203.0.113.7"


class Kept:
    """An exporter that keeps what it gets."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def put(self, span: Span) -> None:
        self.spans.append(span)


class Booking:
    def __init__(self) -> None:
        self.inside: list[str | None] = []
        self.arrived = asyncio.Event()

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        current = spans.current.get()
        self.inside.append(None if current is None else current.trace_id)
        resp.media = {"id": booking_id}
        if booking_id == 500:
            resp.status = 500

    async def on_post(self, _req: falcon.asgi.Request, _resp: falcon.asgi.Response, booking_id: int) -> None:  # noqa: ARG002
        self.arrived.set()
        await asyncio.Event().wait()


class Health:
    async def on_get(self, _req: falcon.asgi.Request, _resp: falcon.asgi.Response) -> None:
        """Well."""


@pytest.fixture
def kept() -> Iterator[Kept]:
    one = Kept()
    spans.export_with(one)
    yield one
    spans.export_with(None)


def app_of(booking: Booking, ratio: float = 1.0) -> App:
    requests = RequestContext((PROXY,))
    traces = Traces("http://collector", (), None, None, (), ratio, parent_based=True)
    app = App(middleware=[requests, RequestTraces(Sampler(traces), requests.trusts)])
    app.add_route("/api/bookings/{booking_id:int}", booking)
    app.add_route("/readyz", Health())
    return app


def scope_of(path: str, peer: str, headers: dict[str, str], method: str = "GET") -> dict[str, Any]:
    made = falcon.testing.create_scope(path, "token=hunter2", method, headers=headers, remote_addr=peer)
    return {**made, "headers": [tuple(one) for one in made["headers"]], "client": tuple(made["client"])}


async def ask(app: App, path: str = "/api/bookings/7", peer: str = PROXY, **headers: str) -> None:
    await app(scope_of(path, peer, headers), falcon.testing.ASGIRequestEventEmitter(b""), _ignore)


async def _ignore(_event: Any) -> None:
    """The answer is of no interest."""


async def test_a_trusted_proxys_trace_goes_on(kept: Kept) -> None:
    booking = Booking()
    await ask(app_of(booking, ratio=0.0), **SAMPLED)
    (span,) = kept.spans
    assert (span.context.trace_id, span.parent_id, span.kind.value) == (TRACE, CALLER, "SERVER")
    assert booking.inside == [TRACE]


async def test_anybody_elses_does_not(kept: Kept) -> None:
    await ask(app_of(Booking(), ratio=0.0), peer=ANYBODY, **SAMPLED)
    assert kept.spans == [], "nobody can have all their requests traced"
    await ask(app_of(Booking()), peer=ANYBODY, **SAMPLED)
    (span,) = kept.spans
    assert span.context.trace_id != TRACE
    assert span.parent_id is None


@pytest.mark.parametrize("sent", ["", "nonsense", f"00-{TRACE}-{CALLER}", f"00-{TRACE}-{CALLER}-01, {TRACE}"])
async def test_a_malformed_one_begins_a_trace_of_its_own(kept: Kept, sent: str) -> None:
    await ask(app_of(Booking()), traceparent=sent)
    (span,) = kept.spans
    assert span.context.trace_id != TRACE
    assert span.parent_id is None


async def test_what_a_proxy_does_not_sample_is_not_traced(kept: Kept) -> None:
    booking = Booking()
    await ask(app_of(booking), traceparent=f"00-{TRACE}-{CALLER}-00")
    assert kept.spans == []
    assert booking.inside == [None]


async def test_it_says_the_route_and_not_what_was_asked(kept: Kept) -> None:
    await ask(app_of(Booking()))
    await ask(app_of(Booking()), path="/api/secret-path/hunter2")
    found, missing = kept.spans
    assert found.name == "GET /api/bookings/{booking_id}"
    assert dict(found.attributes) == {
        "http.request.method": "GET",
        "http.route": "/api/bookings/{booking_id}",
        "http.response.status_code": 200,
    }
    assert (missing.name, missing.problem) == ("GET unmatched", None)
    assert "hunter2" not in repr(kept.spans)


async def test_our_own_failures_are_errors(kept: Kept) -> None:
    await ask(app_of(Booking()), path="/api/bookings/500")
    assert [one.problem for one in kept.spans] == ["500"]


async def test_health_checks_are_not_traced(kept: Kept) -> None:
    await ask(app_of(Booking()), path="/readyz", **SAMPLED)
    assert kept.spans == []


async def test_requests_of_one_connection_do_not_share_a_trace(kept: Kept) -> None:
    """gunicorn serves them in one task, and so in one context."""
    booking = Booking()
    app = app_of(booking, ratio=0.0)
    await ask(app, **SAMPLED)
    await ask(app)
    assert booking.inside == [TRACE, None]
    assert len(kept.spans) == 1


async def test_a_client_that_hangs_up_leaves_a_span(kept: Kept) -> None:
    booking = Booking()
    app = app_of(booking)
    scope = scope_of("/api/bookings/7", PROXY, {}, "POST")
    task = asyncio.create_task(app(scope, falcon.testing.ASGIRequestEventEmitter(b""), _ignore))
    await booking.arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [one.problem for one in kept.spans] == ["the client went away"]
