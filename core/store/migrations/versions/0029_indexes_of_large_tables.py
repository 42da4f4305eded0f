"""Indexes of tables that may be large, built concurrently.

Each is dropped first, as a failed attempt leaves an invalid one.

Revision ID: 0029
Revises: 0028
"""

from alembic import op

revision = "0029"
down_revision = "0028"

INDEXES = {
    # Each step of a cancelled session finds its bookings here, and skips those that earlier steps have cancelled.
    "marketplace_booking_live_of_session": """
        marketplace_booking (session_id, booking_id) WHERE session_id IS NOT NULL AND status IN ('confirmed', 'held')
    """,
    # Settled payments that are still to be compared with the provider's books.
    "payment_to_compare": """
        payment (updated_at)
        WHERE state IN ('succeeded', 'refunded', 'refund_failed', 'canceled', 'failed') AND intent_id IS NOT NULL
          AND due_at IS NULL AND (compared_at IS NULL OR compared_at < updated_at)
    """,
    "payment_to_compare_again": "payment (compare_again_at) WHERE compare_again_at IS NOT NULL",
    "payment_needs_a_person": """
        payment (created_at DESC, id)
        WHERE parked_at IS NOT NULL OR state = 'refund_failed' OR differs_since IS NOT NULL
    """,
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        lock_timeout = op.get_bind().exec_driver_sql("SHOW lock_timeout").scalar_one()
        op.execute("SET lock_timeout = 0")  # it waits for older transactions, and nobody waits behind it
        for name, on in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {on}")
        op.execute(f"SET lock_timeout = '{lock_timeout}'")
