"""Indexes of deliveries that the answer to one does not change. They replace those of 0043, which no release has had.

Revision ID: 0052
Revises: 0051
"""

from alembic import op

from core.store.migrations.beside_bookings import build_concurrently, fill_in_small_transactions

revision = "0052"
down_revision = "0051"

FILL = """
UPDATE delivery SET parked_at = done_at
WHERE id IN (SELECT id FROM delivery WHERE state = 'parked' AND parked_at IS NULL ORDER BY done_at LIMIT 1000);
last := CASE WHEN FOUND THEN 1 END
"""
INDEXES = {
    "delivery_retry": "delivery (sender, receiver, retry_at) WHERE retry_at IS NOT NULL",
    "delivery_retry_in_order": "delivery (sender, receiver, booking_id, seq) WHERE retry_at IS NOT NULL",
    "delivery_given_up": "delivery (sender, receiver, parked_at) WHERE parked_at IS NOT NULL",
    "delivery_by_creation": "delivery (created_at)",
}
REPLACED = (
    "delivery_due",
    "delivery_in_order",
    "delivery_waiting_by_age",
    "delivery_leased",
    "delivery_parked",
    "delivery_by_age",
)


def upgrade() -> None:
    fill_in_small_transactions([FILL])
    build_concurrently(INDEXES)
    with op.get_context().autocommit_block():
        lock_timeout = op.get_bind().exec_driver_sql("SHOW lock_timeout").scalar_one()
        op.execute("SET lock_timeout = 0")  # it waits for older transactions, and nobody waits behind it
        for name in REPLACED:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(f"SET lock_timeout = '{lock_timeout}'")
