"""Bookings with a price and a hold that ends; rooms.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = """
ALTER TABLE booking
    ADD COLUMN price_minor bigint NOT NULL DEFAULT 0 CHECK (price_minor >= 0),
    ADD COLUMN currency text NOT NULL DEFAULT 'usd',
    ADD COLUMN hold_expires_at timestamptz,
    ADD COLUMN hold_extended boolean NOT NULL DEFAULT false,
    ADD COLUMN details jsonb,
    ADD CONSTRAINT booking_hold_ends CHECK (status <> 'held' OR hold_expires_at IS NOT NULL);
COMMENT ON COLUMN booking.price_minor IS 'fixed when it was made, in minor units of `currency`';
COMMENT ON COLUMN booking.hold_expires_at IS 'when a held booking gives its time back by itself; kept as history';
COMMENT ON COLUMN booking.details IS 'what only bookings of its contract have (core.domain.values.Details)';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
