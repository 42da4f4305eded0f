"""Paying at localstripe, as `make run` sets it up: the lines that it prints work when pasted."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops import paying
from ops.embedded import localstripe
from ops.ports import accepts, free_ports
from ops.processes import API, BEAT, LANES, PAYMENTS, SWEEPS
from tests.accounts import USER, execute
from tests.conftest import FreshStack
from tests.rooms import people
from tests.stack import Server, Stack, wait_until

SECRET = "whsec_of_the_installation"


@pytest.fixture
def stripe(tmp_path: Path) -> Iterator[tuple[Server, int, int]]:
    """(localstripe, its port, the API's port)."""
    port, api_port = free_ports(2)
    program = localstripe.program(port, api_port, SECRET, tmp_path / "stripe.log", {"PATH": os.environ["PATH"]})
    server = Server(program, lambda: accepts(port) and "listens on port" in program.log.read_text())
    server.start()
    yield server, port, api_port
    server.close()


@pytest.fixture
def stack(stripe: tuple[Server, int, int], fresh_stack: FreshStack) -> Stack:
    _, port, api_port = stripe
    stack: Stack = fresh_stack(
        processes=(API, LANES, PAYMENTS, SWEEPS, BEAT),
        environment=localstripe.settings(port, SECRET),
        api_port=api_port,
    )
    return stack


def test_the_printed_lines_pay_for_a_room_and_a_cancelled_one_is_refunded(
    stack: Stack, stripe: tuple[Server, int, int]
) -> None:
    server, port, api_port = stripe
    script = "\n".join(paying.lines(api_port, stack.api_url, port))
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    booking: dict[str, Any] = json.loads(done.stdout)
    with people(stack, USER) as client:
        url = f"/api/bookings/{booking['id']}/"
        wait_until(lambda: client.get(url).json()["status"] == "confirmed", "the booking is confirmed", 15.0)
        assert client.delete(url).status_code == 200
        wait_until(lambda: client.get(url).json()["payment_status"] == "refunded", "the money is back", 15.0)

        # It forgets everything when it starts again; what was to be paid there can be paid anew.
        held = client.post(
            "/api/bookings/",
            json={"room_id": 1, "booking_date": "2100-01-04", "start_time": "09:00", "end_time": "09:30"},
        ).json()["id"]
        wish = {"booking_id": held, "amount": 50.00, "currency": "usd"}
        first = client.post("/api/payment-intent/", json=wish).json()["payment_intent_id"]
        server.terminate()
        server.start()
        execute(stack, "UPDATE payment SET due_at = clock_timestamp() WHERE booking_id = %s", held)
        url = f"/api/bookings/{held}/"
        wait_until(lambda: client.get(url).json()["payment_status"] == "failed", "it is missing", 15.0)
        assert client.post("/api/payment-intent/", json=wish).json()["payment_intent_id"] != first
