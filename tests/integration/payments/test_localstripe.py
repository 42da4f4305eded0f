"""Paying at localstripe, as `make run` sets it up: the lines that it prints work when pasted."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.embedded import localstripe, welcome
from ops.embedded.localstripe import SECRET_KEY
from ops.ports import accepts, free_ports
from ops.processes import API, BEAT, LANES, PAYMENTS, SWEEPS
from tests.conftest import FreshStack, new_stack
from tests.support.clients.callers import STAFF, execute, signed_in
from tests.support.payments.lossy_proxy import LossyProxy, lossy_proxy
from tests.support.processes.servers import PostgresServer, Server
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

SECRET = "whsec_of_the_installation"


@contextmanager
def localstripe_server(folder: Path) -> Iterator[tuple[Server, int, int]]:
    """(localstripe, its port, the API's port)."""
    port, api_port = free_ports(2)
    program = localstripe.program(
        port, folder / "stripe", api_port, SECRET, folder / "stripe.log", {"PATH": os.environ["PATH"]}
    )
    server = Server(program, lambda: accepts(port) and "listens on port" in program.log.read_text())
    server.start()
    try:
        yield server, port, api_port
    finally:
        server.close()


@pytest.fixture
def stripe(tmp_path: Path) -> Iterator[tuple[Server, int, int]]:
    with localstripe_server(tmp_path) as running:
        yield running


@pytest.fixture
def stack(stripe: tuple[Server, int, int], fresh_stack: FreshStack) -> Stack:
    _, port, api_port = stripe
    stack: Stack = fresh_stack(
        processes=(API, LANES, PAYMENTS, SWEEPS, BEAT),
        environment={**localstripe.settings(port, SECRET), "HOLDFAST_PAYMENT_LOOK_SECONDS": "3600"},
        api_port=api_port,
    )
    return stack


def test_the_printed_lines_pay_for_a_room_and_what_was_begun_can_be_paid_after_a_restart(
    stack: Stack, stripe: tuple[Server, int, int], tmp_path: Path
) -> None:
    server, port, api_port = stripe
    script = "\n".join(welcome.payment_lines(api_port, stack.api_url, port))
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    booking: dict[str, Any] = json.loads(done.stdout)
    with signed_in(stack) as client:
        url = f"/api/bookings/{booking['id']}/"
        wait_until(lambda: client.get(url).json()["status"] == "confirmed", "the booking is confirmed")
        assert execute(stack, "SELECT type FROM stripe_event") == [("payment_intent.succeeded",)], "a signed event told"

        held = client.post(
            "/api/bookings/",
            json={"room_id": 1, "booking_date": "2100-01-04", "start_time": "09:00", "end_time": "09:30"},
        ).json()["id"]
        wish = {"booking_id": held, "amount": 50.00, "currency": "usd"}
        intent = client.post("/api/payment-intent/", json=wish).json()["payment_intent_id"]
        server.terminate()
        server.start()
        assert client.delete(url).status_code == 200
        wait_until(lambda: client.get(url).json()["payment_status"] == "refunded", "the money is back")
        pay(port, intent)
        url = f"/api/bookings/{held}/"
        wait_until(lambda: client.get(url).json()["status"] == "confirmed", "the other is confirmed")
    assert (tmp_path / "stripe" / localstripe.MEMORY).exists()
    assert accepts(port)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), timeout=5.0)  # this machine's too, but not where it listens


def pay(port: int, intent: str) -> None:
    address = f"/v1/payment_intents/{intent}"
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", auth=(SECRET_KEY, "")) as client:
        assert client.post(address, data={"payment_method": "pm_card_visa"}).status_code == 200
        assert client.post(f"{address}/confirm").json()["status"] == "succeeded"


@pytest.fixture(scope="module")
def proxied(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Stack, LossyProxy, int]]:
    """A stack that pays at localstripe, which has no idempotency keys, through a proxy that loses answers; its port."""
    folder = tmp_path_factory.mktemp("cut")
    with localstripe_server(folder) as (_, port, api_port), lossy_proxy(f"http://127.0.0.1:{port}") as proxy:
        environment = {**localstripe.settings(port, SECRET), "STRIPE_API_BASE": proxy.url}
        environment["HOLDFAST_PAYMENT_LOOK_SECONDS"] = "3600"
        processes = (API, LANES, PAYMENTS, SWEEPS, BEAT)
        stack = new_stack(postgres, folder, processes=processes, environment=environment, api_port=api_port)
        try:
            yield stack.start(), proxy, port
        finally:
            stack.close()
            postgres.drop_database(stack.database_url)


def test_what_localstripe_did_and_nobody_heard_of_is_done_once(proxied: tuple[Stack, LossyProxy, int]) -> None:
    """The answers to an intent and to two refunds are lost, one of them with the worker that asked."""
    stack, proxy, port = proxied
    with signed_in(stack) as client:
        proxy.cut["POST /v1/payment_intents"] = 1
        bookings = [held(client, "09:00", "09:30"), held(client, "10:00", "10:30")]
        intents = [intent_for(client, booking) for booking in bookings]
        assert len(listed(port, "payment_intents")) == len(bookings), "each intent was made once"
        for booking, intent in zip(bookings, intents, strict=True):
            pay(port, intent)
            wait_stands(client, booking, "confirmed", "succeeded")

        proxy.cut["POST /v1/refunds"] = 1
        client.delete(f"/api/bookings/{bookings[0]}/").raise_for_status()
        wait_stands(client, bookings[0], "cancelled", "refunded")

        proxy.cut["POST /v1/refunds"], proxy.holding = 1, threading.Event()
        client.delete(f"/api/bookings/{bookings[1]}/").raise_for_status()
        wait_until(lambda: proxy.done.count("POST /v1/refunds") == 2, "localstripe has refunded")
        stack.process("payments").kill()
        proxy.holding.set()
        execute(
            stack,
            "UPDATE payment SET leased_until = clock_timestamp(), due_at = clock_timestamp() WHERE lease IS NOT NULL",
        )
        stack.process("payments").start()
        wait_stands(client, bookings[1], "cancelled", "refunded")
    refunds = [one for one in listed(port, "refunds") if one["payment_intent"] in intents]
    assert sorted(one["payment_intent"] for one in refunds) == sorted(intents)
    assert [one["amount"] for one in refunds] == [5_000, 5_000]


def test_a_refund_that_was_made_twice_is_shown_to_staff(proxied: tuple[Stack, LossyProxy, int]) -> None:
    """Localstripe gives back more than came in, if it is asked to."""
    stack, _, port = proxied
    with signed_in(stack) as client, signed_in(stack, STAFF) as desk:
        booking = held(client, "11:00", "11:30")
        intent = intent_for(client, booking)
        pay(port, intent)
        wait_stands(client, booking, "confirmed", "succeeded")
        client.delete(f"/api/bookings/{booking}/").raise_for_status()
        wait_stands(client, booking, "cancelled", "refunded")
        with at_localstripe(port) as again:
            again.post("/v1/refunds", data={"payment_intent": intent, "amount": "5000"}).raise_for_status()
        execute(stack, "UPDATE payments_gate SET compared_since = 'epoch'")
        execute(stack, "UPDATE payment SET updated_at = updated_at - interval '2 minutes'")

        def differing() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = desk.get("/api/admin/payments/?needs_a_person=true").json()["payments"]
            return found

        wait_until(lambda: bool(differing()), "the books are compared")
        (entry,) = differing()
        assert (entry["state"], entry["amount_received"], entry["amount_refunded"]) == ("refunded", 50.00, 50.00)
        assert (entry["provider_received"], entry["provider_refunded"]) == (50.00, 100.00)
        assert entry["differs_since"] is not None


def held(client: httpx.Client, starts: str, ends: str) -> int:
    body = {"room_id": 1, "booking_date": "2100-01-05", "start_time": starts, "end_time": ends}
    return int(client.post("/api/bookings/", json=body).raise_for_status().json()["id"])


def intent_for(client: httpx.Client, booking: int) -> str:
    """The booking's intent, which may take a second try of the worker's."""
    found: list[str] = []

    def is_there() -> bool:
        wish = {"booking_id": booking, "amount": 50.00, "currency": "usd"}
        answer = client.post("/api/payment-intent/", json=wish, headers={"Prefer": "wait=5"})
        found.extend([answer.json()["payment_intent_id"]] if answer.status_code == 201 else [])
        return bool(found)

    wait_until(is_there, "there is an intent")
    return found[0]


def wait_stands(client: httpx.Client, booking: int, *stands: str) -> None:
    def found() -> tuple[str, ...]:
        shown = client.get(f"/api/bookings/{booking}/").json()
        return shown["status"], shown["payment_status"]

    wait_until(lambda: found() == stands, f"booking {booking} is {stands}")


def at_localstripe(port: int) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", auth=(SECRET_KEY, ""))


def listed(port: int, what: str) -> list[dict[str, Any]]:
    with at_localstripe(port) as client:
        found: list[dict[str, Any]] = client.get(f"/v1/{what}?limit=100").raise_for_status().json()["data"]
        return found
