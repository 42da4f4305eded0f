"""What the running processes serve is what docs/metrics.md tells, name by name, and counts what really happened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.metrics_core import Metric as Family
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from core.metrics.definitions import DELIVERY_SECONDS, PAYMENT_JOB_SECONDS
from tests.support.clients.http_client import Client, agent_booking
from tests.support.metrics import described, label_names, scrape, values
from tests.support.processes.collector import PROTOBUF
from tests.support.processes.make_run import family as descendants
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

CREATE = ("POST", "/api/agent/booking/create", "201")
REQUESTS = "holdfast_http_request_duration_seconds"
DECIDED = "holdfast_commands_decided_total"
UNSERVED = {PAYMENT_JOB_SECONDS.name, DELIVERY_SECONDS.name}
"""This stack has no payments worker (tests/integration/payments/test_metrics_and_traces.py asks one) and no delivery worker
(tests/integration/deliveries/test_servers.py)."""


def of_kind(stack: Stack, process: str) -> Iterator[dict[str, Family]]:
    for instance in stack.metrics_targets:
        if instance.startswith(process):
            yield scrape(stack.metrics_url(instance))


def counted(stack: Stack, process: str, name: str, key: tuple[str, ...]) -> float:
    return sum(values(families, name).get(key, 0.0) for families in of_kind(stack, process))


def test_what_is_served_is_what_the_page_tells(stack: Stack, client: Client) -> None:
    client.book()
    with connect(f"{stack.ws_url}/ws/commands/"):
        pass
    with pytest.raises(InvalidStatus), connect(f"{stack.ws_url}/ws/commands/?ticket=none"):
        pass
    told = {one.name: one for one in described()}
    served: dict[str, set[str]] = {name: set() for name in told}
    wait_until(lambda: counted(stack, "notifier", "holdfast_sockets_closed_total", ("1000",)) > 0, "the close counts")
    for process in ("api", "lanes", "sweeps", "notifier"):
        for families in of_kind(stack, process):
            for name, family in families.items():
                assert name in told, f"docs/metrics.md does not tell of {name}"
                assert family.type == told[name].kind
                assert family.documentation == told[name].what
                assert label_names(family) <= {told[name].labels}
                served[name].add(process)
    assert served == {
        name: set() if name in UNSERVED else set(one.served_by) - {"payments", "deliveries"}
        for name, one in told.items()
    }


def test_a_booking_is_counted_once_by_each_process_that_saw_it(stack: Stack, client: Client) -> None:
    """Two API processes and two lane workers: the sums over them."""
    before = [counted(stack, *what) for what in SEEN]
    for _ in range(5):
        assert client.book(agent_booking(first_name="Counted")).status_code == 201
    assert [counted(stack, *what) for what in SEEN] == [seen + 5 for seen in before]
    (state,) = of_kind(stack, "sweeps")
    assert values(state, "holdfast_database_up") == {(): 1.0}
    assert values(state, "holdfast_canary_age_seconds").keys() == {("lanes",), ("notifier",)}
    assert values(state, "holdfast_canary_age_seconds")["lanes",] < 20.0


SEEN = (
    ("api", REQUESTS, CREATE),
    ("lanes", DECIDED, ("place", "succeeded")),
    ("lanes", "holdfast_command_wait_seconds", ("request",)),
)


def test_unknown_paths_and_methods_are_no_labels(stack: Stack) -> None:
    """A scanner must not fill the memory of Prometheus."""
    for number in range(3):
        httpx.get(f"{stack.api_url}/scanned/{number}")
        httpx.request(f"SCAN{number}", f"{stack.api_url}/")
        httpx.get(f"{stack.api_url}/api/commands/00000000-0000-4000-8000-{number:012}/")
    (served,) = of_kind(stack, "api")
    methods, routes, _ = zip(*values(served, REQUESTS), strict=True)
    assert set(methods) <= {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"}
    assert not any("scanned" in route or "00000000" in route for route in routes)
    assert {"unmatched", "/api/commands/{command_id}"} <= set(routes)


def test_an_open_socket_is_counted_while_it_is_open(stack: Stack) -> None:
    feed = ("/ws/commands",)
    before = counted(stack, "notifier", "holdfast_sockets", feed)
    with connect(f"{stack.ws_url}/ws/commands/"):
        wait_until(lambda: counted(stack, "notifier", "holdfast_sockets", feed) == before + 1, "one more is open")
    wait_until(lambda: counted(stack, "notifier", "holdfast_sockets", feed) == before, "it is closed")


def test_nobody_reads_metrics_at_the_ports_of_clients(stack: Stack) -> None:
    assert httpx.get(f"{stack.api_url}/metrics").status_code == 404
    assert httpx.get(f"{stack.ws_url.replace('ws', 'http', 1)}/metrics").status_code == 404


def test_where_nothing_is_traced_no_process_has_loaded_what_traces_need(stack: Stack) -> None:
    """The library in C that OTLP needs; `tests/unit/tracing/test_off.py` looks at Python's modules."""
    pids = {pid for server in stack.servers for pid in descendants(server.pid)}
    assert len(pids) > len(stack.servers)
    loaded = [pid for pid in pids if PROTOBUF in Path(f"/proc/{pid}/maps").read_text()]
    assert loaded == []
