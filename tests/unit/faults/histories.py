"""Requests and facts for tests of the checks, complete by default."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from tests.faults.checks.facts import Batch, Booking, Event, Facts, Outcome
from tests.faults.history.records import Asked

NINE = datetime(2100, 1, 4, 9, tzinfo=UTC)
NO_FACTS = Facts(
    now=NINE,
    outcomes=[],
    inbox={},
    bookings=[],
    sessions=[],
    credits=[],
    events=[],
    batches=[],
    deliveries=[],
    epoch="e",
    head=0,
    parked=0,
    payments_open=[],
    bulks={},
    endpoints={},
)


def facts(**changes: Any) -> Facts:
    return replace(NO_FACTS, **changes)


def asked(operation: str, at: float, status: int = 201, **changes: Any) -> Asked:
    """Sent at `at`, answered a second later."""
    given: dict[str, Any] = {
        "story": "slots",
        "action": "place",
        "path": "/api/",
        "sent_at": at,
        "sent_wall": at,
        "ended_at": at + 1,
        "status": status,
        "subject": "slot:one",
        "command": f"id-{operation}",
    }
    return Asked(operation=operation, **{**given, **changes})


def outcome(id_: str, **changes: Any) -> Outcome:
    given: dict[str, Any] = {
        "type": "place",
        "status": "succeeded",
        "http_status": 201,
        "response": {"id": 1},
        "body": {},
        "accepted_at": NINE,
        "decided_at": NINE,
    }
    return Outcome(id_, **{**given, **changes})


def booking(id_: int, hour: int = 9, **changes: Any) -> Booking:
    starts = NINE.replace(hour=hour)
    given: dict[str, Any] = {
        "contract": "agent",
        "resource_id": 1,
        "user_id": 1,
        "starts_at": starts,
        "ends_at": starts + timedelta(hours=1),
        "status": "confirmed",
        "is_deleted": False,
        "version": 1,
        "command_id": f"c{id_}",
        "updated_at": NINE,
        "hold_expires_at": None,
        "time_slot_id": None,
        "session_id": None,
        "kind": None,
        "credit_id": None,
    }
    return Booking(id_, **{**given, **changes})


def event(position: int | None, type_: str = "booking_created", **changes: Any) -> Event:
    given: dict[str, Any] = {
        "command_id": f"c{position}",
        "is_final": True,
        "booking_id": 1,
        "booking_version": 1,
        "owner": None,
    }
    return Event(position, type_, **{**given, **changes})


def batch(id_: int, first: int | None, events: int = 1, rows: int | None = None) -> Batch:
    return Batch(id_, first, events, events if rows is None else rows)
