"""What Stripe knew beyond a restored backup, as superusers read it. How it is found: test_after_a_restore.py."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from core.store.payments.findings import WHAT_TO_DO, Finding, FindingKind, keep_findings, last_restore
from tests.support.clients.http_client import Client
from tests.support.processes.stack import Stack

PATH = "/api/admin/payments/restore-findings/"
TAKEN, HAPPENED = datetime(2030, 1, 7, 9, tzinfo=UTC), datetime(2030, 1, 7, 10, tzinfo=UTC)
SQL_RESTORE = """
INSERT INTO database_restore (taken_at, holdfast, schema_before, postgresql, bookings, known_epoch, known_head)
VALUES (%s, '0.1.0', '0038', 18, 8, 'none', 8)
"""


@pytest.fixture
def restored(stack: Stack) -> Iterator[Stack]:
    """As after a restore whose findings are not known yet. Nothing else looks at it."""
    with stack.database() as connection:
        connection.execute(SQL_RESTORE, (TAKEN,))
    yield stack
    with stack.database() as connection:
        connection.execute("DELETE FROM database_restore")


def found(kind: FindingKind, currency: str = "usd", booking_id: int | None = 7) -> Finding:
    payment = None if kind is FindingKind.PAYABLE_UNKNOWN else uuid4()
    return Finding(f"pi_{kind}", kind, payment, booking_id, currency, 10_000, 10_000, 2_500, 500, 0, HAPPENED)


def test_a_database_that_was_never_restored_has_no_findings(staff: Client) -> None:
    assert staff.get(PATH).json() == {"restore": None, "total_count": 0, "limit": 50, "offset": 0, "findings": []}


def test_findings_that_are_not_known_yet_are_told_apart_from_none(restored: Stack, staff: Client) -> None:
    assert staff.get(PATH).json()["restore"]["compared_at"] is None
    with restored.database() as connection:
        last = last_restore(connection)
        assert last is not None
        keep_findings(connection, last.id, [])
    answer = staff.get(PATH).json()
    assert (answer["restore"]["compared_at"] is None, answer["findings"]) == (False, [])


def test_findings_say_what_each_side_has_and_what_to_do(restored: Stack, staff: Client) -> None:
    kept = [found(kind, "jpy" if kind is FindingKind.CHARGED else "usd") for kind in FindingKind]
    with restored.database() as connection:
        last = last_restore(connection)
        assert last is not None
        keep_findings(connection, last.id, kept)
    answer = staff.get(PATH).json()
    assert answer["restore"]["taken_at"] == "2030-01-07T09:00:00Z"
    assert answer["total_count"] == len(FindingKind)
    by_kind = {one["kind"]: one for one in answer["findings"]}
    assert {kind: one["what_to_do"] for kind, one in by_kind.items()} == WHAT_TO_DO
    assert by_kind["refunded"] == {
        "kind": "refunded",
        "what_to_do": WHAT_TO_DO[FindingKind.REFUNDED],
        "payment_intent_id": "pi_refunded",
        "payment_id": str(kept[-1].payment_id),
        "booking_id": 7,
        "currency": "usd",
        "amount": 100.0,
        "provider_received": 100.0,
        "provider_refunded": 25.0,
        "amount_received": 5.0,
        "amount_refunded": 0.0,
        "happened_at": "2030-01-07T10:00:00Z",
    }
    assert (by_kind["charged"]["currency"], by_kind["charged"]["amount"]) == ("jpy", 10_000.0)
    for asked, total, shown in (
        ("kind=charged_unknown", 1, ["charged_unknown"]),
        ("limit=1&offset=1", 4, ["charged_unknown"]),
        ("offset=50", 4, []),
        ("kind=refunded&offset=1", 1, []),
    ):
        page = staff.get(f"{PATH}?{asked}").json()
        assert (page["total_count"], [one["kind"] for one in page["findings"]]) == (total, shown), asked
