"""The books: what Stripe took and gave back, what we believe of it, and what each booking is owed."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tests.support.clients.callers import HasDatabase, execute
from tests.support.payments.payer import StripeServer
from tests.support.wait import READY_WITHIN_S, wait_until

OVER = ("canceled", "failed", "succeeded", "refunded")
SQL_UNDER_WAY = """
SELECT (SELECT count(*) FROM payment WHERE NOT state = ANY(%s)),
       (SELECT count(*) FROM booking WHERE status = 'held'),
       (SELECT count(*) FROM inbox)
"""
SQL_OURS = """
SELECT b.id, b.status, b.payment_status, b.price_minor, b.deleted_at IS NOT NULL,
       sum(p.received_minor)::bigint, sum(p.refunded_minor)::bigint, count(*) FILTER (WHERE p.state = 'succeeded')
FROM booking b JOIN payment p ON p.booking_id = b.id GROUP BY b.id
"""


def wait_until_settled(stack: HasDatabase, within_s: float = READY_WITHIN_S) -> None:
    """Until no payment is under way, no hold stands and no command waits."""

    def settled() -> bool:
        ((payments, holds, _),) = execute(stack, SQL_UNDER_WAY, list(OVER))
        return (payments, holds) == (0, 0)

    wait_until(settled, "every payment is settled", within_s)


def assert_the_books_balance(stack: HasDatabase, stripe: StripeServer) -> tuple[int, int, int]:
    """To the cent, booking by booking; (bookings, minor units charged, minor units refunded)."""
    charged, refunded = _at_stripe(stripe.books())
    total = (0, 0, 0)
    for id_, status, payment_status, price, deleted, received, given_back, kept_payments in execute(stack, SQL_OURS):
        about = f"booking {id_}, {status}, {payment_status}"
        assert (received, given_back) == (charged[id_], refunded[id_]), f"{about}: ours and Stripe's books differ"
        kept = received - given_back
        if status in {"confirmed", "in_progress", "completed"} and not deleted:
            assert (kept, payment_status, kept_payments) == (price, "succeeded", 1), about
        else:
            assert kept == 0, f"{about}: {kept} was kept"
            assert not received or deleted or payment_status == "refunded", about
        total = (total[0] + 1, total[1] + received, total[2] + given_back)
    return total


def _at_stripe(books: dict[str, Any]) -> tuple[dict[int, int], dict[int, int]]:
    """(charged, refunded) by booking."""
    bookings = {intent["id"]: int(intent["metadata"]["holdfast_booking"]) for intent in books["intents"]}
    charged: defaultdict[int, int] = defaultdict(int)
    refunded: defaultdict[int, int] = defaultdict(int)
    for charge in books["charges"]:
        charged[bookings[charge["payment_intent"]]] += charge["amount"]
        refunded[bookings[charge["payment_intent"]]] += charge["amount_refunded"]
    for one in books["refunds"]:
        assert one["status"] == "succeeded"
    assert sum(refunded.values()) == sum(one["amount"] for one in books["refunds"])
    return charged, refunded
