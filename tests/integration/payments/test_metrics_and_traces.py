"""What the payments worker serves is what docs/metrics.md tells; and one trace of a booking and its payment goes through
every process to Stripe and to a socket, as a collector receives it.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
from websockets.sync.client import connect

from tests.support.clients.bulks import new_services, rows_for
from tests.support.clients.http_client import agent_booking
from tests.support.metrics import described, label_names, scrape, values
from tests.support.payments.payer import Payer
from tests.support.processes.collector import PROTOBUF, Collector, Received
from tests.support.processes.make_run import family
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

JOBS = "holdfast_payment_job_duration_seconds"
CREATE = "/api/agent/booking/create/"
CALLER = "b7ad6b7169203331"
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
"""As OTLP counts kinds of spans."""


def test_what_was_done_at_stripe_is_counted(payer: Payer) -> None:
    url = payer.stack.metrics_url("payments")
    before = values(scrape(url), JOBS).get(("creating", "answered"), 0.0)
    payer.intent(payer.hold())
    wait_until(lambda: values(scrape(url), JOBS).get(("creating", "answered"), 0.0) > before, "the intent is counted")
    told = {one.name: one for one in described() if "payments" in one.served_by}
    served = scrape(url)
    assert set(served) == set(told)
    for name, family_ in served.items():
        assert (family_.type, family_.documentation) == (told[name].kind, told[name].what)
        assert label_names(family_) == {told[name].labels}


def new_trace() -> str:
    return secrets.token_hex(16)


def within(trace_id: str) -> dict[str, str]:
    """The header of a caller who is traced: a trusted proxy, as this test is for the stack."""
    return {"traceparent": f"00-{trace_id}-{CALLER}-01"}


def whole(traces: Collector, trace_id: str, *wanted: str) -> dict[str, list[Received]]:
    """By name, as soon as as many spans are there as `wanted` names."""
    needed = Counter(wanted)

    def found() -> Counter[str]:
        return Counter(one.name for one in traces.trace(trace_id))

    wait_until(lambda: found() >= needed, f"{dict(needed)} arrive")
    spans = traces.trace(trace_id)
    return {name: [one for one in spans if one.name == name] for name in found()}


def test_a_booking_is_one_trace_from_the_request_to_the_socket(stack: Stack, traces: Collector) -> None:
    trace = new_trace()
    with httpx.Client(base_url=stack.api_url) as client, connect(f"{stack.ws_url}/ws/commands/") as socket:
        answer = client.post(CREATE, json=agent_booking(), headers={**within(trace), "Prefer": "respond-async"})
        command_id = answer.headers["Holdfast-Command"]
        socket.send(f'{{"type": "watch", "command_id": "{command_id}"}}')
        socket.recv(timeout=15)
    spans = whole(traces, trace, f"POST {CREATE.rstrip('/')}", "inbox", "lane visit", "decide", "outcome", "feed")
    ((request,), (inbox,), (visit,)) = (spans[name] for name in (f"POST {CREATE.rstrip('/')}", "inbox", "lane visit"))
    ((decide,), (outcome,), (feed,)) = (spans[name] for name in ("decide", "outcome", "feed"))
    parents = [(one.name, one.parent_id) for one in (request, inbox, visit, decide, outcome, feed)]
    assert [parent for _, parent in parents] == [
        CALLER,
        request.span_id,
        inbox.span_id,
        visit.span_id,
        visit.span_id,
        inbox.span_id,
    ], parents
    kinds = [one.kind for one in (request, inbox, visit, decide, outcome, feed)]
    assert kinds == [SERVER, PRODUCER, CONSUMER, INTERNAL, PRODUCER, PRODUCER]
    processes = [one.resource["holdfast.process"] for one in (request, inbox, visit, decide, outcome, feed)]
    assert processes == ["api", "api", "lanes", "lanes", "lanes", "sweeps"]
    assert inbox.attributes["holdfast.command_id"] == visit.attributes["holdfast.command_id"] == command_id
    assert visit.attributes["holdfast.command_type"] == "place"
    assert outcome.attributes == {"holdfast.outcome": "succeeded", "http.response.status_code": 201}
    assert inbox.began_ns <= visit.ended_ns <= feed.ended_ns
    assert all(one.began_ns <= one.ended_ns for one in traces.trace(trace))
    assert any(f'"trace_id":"{trace}"' in stack.process(name).log for name in ("lanes-1", "lanes-2"))
    assert f'"trace_id":"{trace}"' in stack.process("api").log


def test_a_socket_that_hears_of_it_is_in_the_trace(stack: Stack, traces: Collector, payer: Payer) -> None:
    trace = new_trace()
    ticket = payer.desk.post("/api/ws-ticket/").json()["ticket"]
    with connect(f"{stack.ws_url}/ws/admin/bookings/?ticket={ticket}") as socket:
        socket.send('{"type": "get_bookings"}')
        socket.recv(timeout=15)  # from here on it hears what happens
        assert httpx.post(stack.api_url + CREATE, json=agent_booking(), headers=within(trace)).status_code == 201
        (written,) = whole(traces, trace, "socket")["socket"]
        socket.recv(timeout=15)
    (inbox,) = whole(traces, trace, "inbox")["inbox"]
    assert (written.parent_id, written.kind) == (inbox.span_id, PRODUCER)
    assert written.resource["holdfast.process"] == "notifier"
    assert written.attributes["holdfast.feed"] == "/ws/admin/bookings"


def test_a_payment_is_one_trace_to_stripe_and_back(payer: Payer, traces: Collector) -> None:
    trace = new_trace()
    answer = payer.ask(payer.hold(), headers=within(trace))
    assert answer.status_code in {201, 202}
    named = ["inbox", "payment", "stripe payment_intents.create", *["lane visit"] * 3, *["outcome"] * 2]
    spans = whole(traces, trace, *named)
    (asked,), (created,) = spans["inbox"], spans["stripe payment_intents.create"]
    (payment,) = spans["payment"]
    assert (payment.parent_id, created.parent_id) == (asked.span_id, payment.span_id)
    assert (payment.resource["holdfast.process"], created.kind) == ("payments", CLIENT)
    assert payment.attributes == {"holdfast.payment_state": "creating", "holdfast.tries": 1}
    visits = [(one.attributes["holdfast.command_type"], one.parent_id) for one in spans["lane visit"]]
    assert sorted(visits) == [
        ("report_intent", payment.span_id),
        ("request_payment", asked.span_id),
        ("request_payment", asked.span_id),
    ], "deferred, then answered with the report"
    assert [one.attributes["http.response.status_code"] for one in spans["outcome"]] in ([200, 201], [201, 200])


def test_what_stripe_does_not_do_is_an_error_in_the_trace(payer: Payer, traces: Collector) -> None:
    trace = new_trace()
    booking = payer.hold()
    payer.stripe.fault("down", "create", times=1)
    payer.ask(booking, headers={**within(trace), "Prefer": "respond-async"})
    payer.wait_payments(booking, "open")
    spans = whole(traces, trace, "stripe payment_intents.create", "payment", "payment")
    failed = spans["stripe payment_intents.create"][0]
    assert (failed.is_error, failed.problem) == (True, "PaymentsAwayError")


def test_of_a_sampled_bulk_the_first_rows_are_in_its_trace(payer: Payer, stack: Stack, traces: Collector) -> None:
    trace = new_trace()
    key = payer.desk.post("/api/admin/agent-keys/create/", json={"name": "Traced"}).json()["data"]["key"]
    headers = {"Authorization": f"Token {key}", **within(trace)}
    rows = rows_for(new_services(stack, 2), 12)
    answer = httpx.post(f"{stack.api_url}/api/agent/bookings/bulk/", json=rows, headers=headers)
    assert answer.status_code == 202, answer.text
    spans = whole(traces, trace, "inbox", *["decide"] * 10, *["lane visit"] * 10)
    assert len(spans["lane visit"]) == 10
    assert spans["inbox"][0].attributes["holdfast.rows"] == 12
    first, *others = spans["lane visit"]
    if first.attributes["holdfast.batch_size"] == 12:
        assert {link for one in others for link in one.links} <= {one.span_id for one in spans["lane visit"]}


def test_a_collector_that_fails_or_hangs_is_no_trouble_of_a_booking(stack: Stack, traces: Collector) -> None:
    def books() -> Callable[[], bool]:
        trace = new_trace()
        assert httpx.post(stack.api_url + CREATE, json=agent_booking(), headers=within(trace)).status_code == 201
        return lambda: bool(traces.trace(trace))

    traces.status = 500
    try:
        books()
        wait_until(lambda: "spans cannot be sent" in stack.process("api").log, "the API says it")
        traces.goes_on.clear()
        books()
    finally:
        traces.status = 200
        traces.goes_on.set()
    wait_until(books(), "spans arrive again")
    wait_until(lambda: "spans are sent again" in stack.process("api").log, "the API says it")
    assert stack.readyz() is not None


def test_only_those_that_send_spans_have_loaded_what_that_needs(stack: Stack) -> None:
    """Their parents, beat and Flower send none."""
    loaded = {server.name: [_has_loaded(pid) for pid in family(server.pid)] for server in stack.servers}
    assert {name for name, found in loaded.items() if any(found)} == {server.name for server in stack.servers} - {
        "beat"
    }
    assert not _has_loaded(stack.process("api").pid), "gunicorn's own process"
    assert not _has_loaded(stack.process("lanes-1").pid), "Celery's own, before its child"


def _has_loaded(pid: int) -> bool:
    return PROTOBUF in Path(f"/proc/{pid}/maps").read_text()
