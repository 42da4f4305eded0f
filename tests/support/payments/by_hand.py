"""Payments that are paid, refunded and looked at without a browser."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from tests.support.clients.rooms import FREE_DAY
from tests.support.engine.lanes import Pipeline
from tests.support.payments.payer import Payer


def paid(payer: Payer, **changes: Any) -> tuple[int, str]:
    booking = payer.hold(**changes)
    intent = payer.pay(booking)["payment_intent_id"]
    payer.wait_stands(booking, "confirmed", "succeeded")
    return booking, intent


def ledger(payer: Payer, **asked: Any) -> list[dict[str, Any]]:
    answer = payer.desk.get("/api/admin/payments/", params=asked).raise_for_status().json()
    assert answer["total_count"] >= len(answer["payments"])
    found: list[dict[str, Any]] = answer["payments"]
    return found


def refunds(payer: Payer, intent: str) -> list[int]:
    """What went back at Stripe, in order, in cents."""
    return [one["amount"] for one in payer.stripe.books()["refunds"] if one["payment_intent"] == intent]


def owe(pipeline: Pipeline, number: int = 1, state: str = "creating") -> list[UUID]:
    """That many payments of bookings of their own, due now."""
    intent = "'pi_' || n" if state in {"closing", "open"} else "NULL"
    cursor = pipeline.connection.execute(
        f"""WITH person AS (
                INSERT INTO user_account (username, username_key) VALUES (%(name)s, %(name)s) RETURNING id
            ), b AS (
                INSERT INTO booking (public_uuid, contract, user_id, service_name, resource_id, starts_at, ends_at,
                    local_date, local_time, duration_minutes, status, payment_status, command_id, created_at, updated_at,
                    price_minor)
                SELECT gen_random_uuid(), 'rooms', p.id, 'A room', r.id, now(), now() + interval '1 hour',
                       %(day)s, '09:00', 60, 'expired', 'pending', gen_random_uuid(), now(), now(), 100
                FROM person p, resource r, generate_series(1, %(number)s) WHERE r.kind = 'desk' RETURNING id
            )
            INSERT INTO payment (id, booking_id, attempt, amount_minor, currency, state, intent_id, created_at,
                                 updated_at, due_at)
            SELECT gen_random_uuid(), b.id, 1, 100, 'usd', %(state)s, {intent}, now(), now(), clock_timestamp()
            FROM (SELECT id, row_number() OVER () AS n FROM b) AS b RETURNING id""".encode(),
        {"name": uuid4().hex, "day": FREE_DAY, "number": number, "state": state},
    )
    return [row[0] for row in cursor.fetchall()]
