"""Paying at localstripe, as `make run` sets it up: the lines that it prints work when pasted."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops import paying
from ops.embedded import localstripe
from ops.embedded.localstripe import SECRET_KEY
from ops.ports import accepts, free_ports
from ops.processes import API, BEAT, LANES, PAYMENTS, SWEEPS
from tests.accounts import USER, execute
from tests.conftest import FreshStack
from tests.rooms import people
from tests.servers import Server
from tests.stack import Stack
from tests.waiting import wait_until

SECRET = "whsec_of_the_installation"


@pytest.fixture
def stripe(tmp_path: Path) -> Iterator[tuple[Server, int, int]]:
    """(localstripe, its port, the API's port)."""
    port, api_port = free_ports(2)
    folder = tmp_path / "stripe"
    program = localstripe.program(port, folder, api_port, SECRET, tmp_path / "stripe.log", {"PATH": os.environ["PATH"]})
    server = Server(program, lambda: accepts(port) and "listens on port" in program.log.read_text())
    server.start()
    yield server, port, api_port
    server.close()


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
    script = "\n".join(paying.lines(api_port, stack.api_url, port))
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    booking: dict[str, Any] = json.loads(done.stdout)
    with people(stack, USER) as client:
        url = f"/api/bookings/{booking['id']}/"
        wait_until(lambda: client.get(url).json()["status"] == "confirmed", "the booking is confirmed", 15.0)
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
        wait_until(lambda: client.get(url).json()["payment_status"] == "refunded", "the money is back", 15.0)
        pay(port, intent)
        url = f"/api/bookings/{held}/"
        wait_until(lambda: client.get(url).json()["status"] == "confirmed", "the other is confirmed", 15.0)
    assert (tmp_path / "stripe" / localstripe.MEMORY).exists()
    assert accepts(port)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), timeout=5.0)  # this machine's too, but not where it listens


def pay(port: int, intent: str) -> None:
    address = f"/v1/payment_intents/{intent}"
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", auth=(SECRET_KEY, "")) as client:
        assert client.post(address, data={"payment_method": "pm_card_visa"}).status_code == 200
        assert client.post(f"{address}/confirm").json()["status"] == "succeeded"
