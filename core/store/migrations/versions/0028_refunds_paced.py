"""Refunds are taken separately from the intents that people wait for: a large cancellation orders thousands.

Revision ID: 0028
Revises: 0027
"""

from core.store.migrations.beside_bookings import build_concurrently

revision = "0028"
down_revision = "0027"

INDEXES = {
    "payment_creating_due": "payment (due_at) WHERE due_at IS NOT NULL AND state = 'creating'",
    "payment_refund_due": "payment (due_at) WHERE due_at IS NOT NULL AND state IN ('returning', 'refunding')",
}


def upgrade() -> None:
    build_concurrently(INDEXES)
