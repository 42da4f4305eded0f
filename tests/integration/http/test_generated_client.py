"""A client that a stock generator makes of the description books a slot, and never leaves its types."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients.callers import STAFF, USER, access_for
from tests.support.clients.http_client import free_day
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

NOT_GENERATED = {
    ("POST", "/api/agent/bookings/bulk/"),  # the JSON form is; the generator knows no NDJSON or CSV
    ("GET", "/api/timeslots/"),  # `categories` and `categories[]` are one name in Python
}
_WARNING = re.compile(r"WARNING parsing (\w+) (\S+) within")


@pytest.fixture(scope="module")
def generated(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, str]]:
    """(the package, what the generator said)."""
    folder = tmp_path_factory.mktemp("generated")
    command = [
        sys.executable, "-m", "openapi_python_client", "generate", "--url", f"{stack.api_url}/api/schema/",
        "--meta", "none", "--output-path", str(folder / "holdfast_client"),
    ]  # fmt: skip
    path = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}  # it formats with ruff
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=path, cwd=folder).stdout
    sys.path.insert(0, str(folder))
    yield importlib.import_module("holdfast_client"), said
    sys.path.remove(str(folder))


@pytest.fixture
def client(stack: Stack, generated: tuple[Any, str]) -> Iterator[Any]:
    """Closed at the end, with its connections: nobody else does it."""
    package, _ = generated
    with package.AuthenticatedClient(base_url=stack.api_url, token=access_for(stack, USER)) as opened:
        yield opened


@pytest.fixture
def staff(stack: Stack, generated: tuple[Any, str]) -> Iterator[Any]:
    package, _ = generated
    with package.AuthenticatedClient(base_url=stack.api_url, token=access_for(stack, STAFF)) as opened:
        yield opened


def call(route: str, client: Any, *arguments: Any, **named: Any) -> Any:
    """The parsed answer of a generated function, by the module it is in."""
    return importlib.import_module(f"holdfast_client.api.{route}").sync(*arguments, client=client, **named)


def model(name: str) -> Any:
    return getattr(importlib.import_module("holdfast_client.models"), name)


def test_the_generator_understands_every_operation(generated: tuple[Any, str]) -> None:
    _, said = generated
    assert set(_WARNING.findall(said)) <= NOT_GENERATED


def test_it_finds_a_free_day_books_it_and_follows_a_command(client: Any) -> None:
    day = free_day()
    on_offer = call("appointments.get_booking_smart_available_slots", client, date=date.fromisoformat(day))
    first, second = (slot.time for slot in on_offer.available_slots[:2])

    wanted = model("NewBooking")(
        service_name="Legal Consultation", booking_date=date.fromisoformat(day), booking_time=first
    )
    booked = call("appointments.post_booking_create", client, body=wanted)
    assert isinstance(booked, model("BookingCreated"))
    assert (booked.data.booking_time, booked.data.status) == (first, "upcoming")

    refused = call("appointments.post_booking_create", client, body=wanted)
    assert isinstance(refused, model("ErrorBody"))
    assert refused.code == "slot_taken"

    wanted.booking_time = second
    accepted = call("appointments.post_booking_create", client, body=wanted, prefer="respond-async")
    assert isinstance(accepted, model("CommandAccepted"))
    found: list[Any] = []

    def finished() -> bool:
        found.append(call("commands.get_commands_command_id", client, accepted.id, prefer="wait=5"))
        return bool(found[-1].status == "succeeded")

    wait_until(finished, "the command has succeeded")
    assert found[-1].response.status == 201


def test_it_offers_a_time_slot_of_the_calendar_and_books_it(client: Any, staff: Any) -> None:
    wanted = model("NewSlot")("2109-01-07T09:00:00Z", "2109-01-07T10:00:00Z", 1)
    slot = call("calendar.post_admin_timeslots", staff, body=wanted)
    assert isinstance(slot, model("StaffSlot"))
    booked = call("bookings.post_bookings", client, body=model("NewSlotBooking")(slot.id))
    assert isinstance(booked, model("SlotBooking"))
    assert (booked.time_slot.id, booked.time_slot.booked_by_me, booked.status) == (slot.id, True, "upcoming")
    assert booked in call("calendar.get_user_bookings", client)
