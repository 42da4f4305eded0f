"""The demo's week at a running demo: made through the public API, once, and again when it has passed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ops.demo_week.client import Client
from ops.demo_week.week import make
from tests.conftest import new_stack
from tests.support.clients.callers import execute
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack

TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module")
def booked(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Client]]:
    stack = new_stack(postgres, tmp_path_factory.mktemp("demo-week"))
    try:
        client = Client(stack.start().api_url, TODAY.isoformat())
        assert make(client, TODAY, None)
        yield stack, client
    finally:
        stack.close()


def _count(stack: Stack, sql: str) -> int:
    return int(execute(stack, f"SELECT count(*) FROM {sql}")[0][0])


def test_nothing_of_it_is_refused(booked: tuple[Stack, Client]) -> None:
    assert booked[1].refused == []
    assert booked[1].changed > 90


def test_every_contract_and_every_kind_has_bookings(booked: tuple[Stack, Client]) -> None:
    stack, _ = booked
    contracts = {row[0] for row in execute(stack, "SELECT DISTINCT contract FROM booking")}
    kinds = {row[0] for row in execute(stack, "SELECT DISTINCT kind FROM marketplace_booking")}
    assert contracts >= {"agent", "rooms", "calendar", "marketplace"}
    assert kinds >= {"individual", "workshop", "course", "package", "bundle"}


def test_there_are_a_hold_an_offer_a_full_workshop_and_a_closure(booked: tuple[Stack, Client]) -> None:
    stack, _ = booked
    assert _count(stack, "booking WHERE id = 2 AND status = 'held' AND contract = 'rooms'") == 1
    waiting = "(SELECT count(*) FROM waiting_place w WHERE w.session_id = s.id AND w.booking_id IS NULL)"
    assert _count(stack, f"service_session s WHERE {waiting} = 2") == 1
    assert _count(stack, "waiting_place WHERE booking_id IS NOT NULL") == 1
    assert _count(stack, "closure WHERE reason = 'The floor is polished'") == 1
    assert _count(stack, "practitioner") == 2
    assert _count(stack, "room") == 3


def test_a_second_start_changes_nothing(booked: tuple[Stack, Client]) -> None:
    stack, _ = booked
    before = _count(stack, "booking")
    again = Client(stack.api_url, TODAY.isoformat())
    assert not make(again, TODAY, None)
    assert (again.changed, _count(stack, "booking")) == (0, before)


def test_a_week_that_has_passed_is_followed_by_another(booked: tuple[Stack, Client]) -> None:
    stack, _ = booked
    later = TODAY + timedelta(days=7)
    next_week = Client(stack.api_url, later.isoformat())
    assert make(next_week, later, None)
    assert next_week.changed > 50
    assert not make(Client(stack.api_url, later.isoformat()), later, None)
