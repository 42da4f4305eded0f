"""Deliveries that come due by the clock: a reminder waits for weeks, and is no delivery that is late.

Revision ID: 0058
Revises: 0057
"""

from alembic import op

revision = "0058"
down_revision = "0057"

TABLES = """
CREATE TABLE delivery_ahead (
    sender text NOT NULL,
    receiver text NOT NULL,
    key text NOT NULL,
    booking_id bigint,
    type text NOT NULL,
    data jsonb NOT NULL,
    due_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (sender, receiver, key)
);
CREATE INDEX delivery_ahead_due ON delivery_ahead (due_at);
COMMENT ON TABLE delivery_ahead IS 'what becomes a delivery when its time has come, such as a reminder';
COMMENT ON COLUMN delivery_ahead.key IS 'of what it tells: planned again, it is there once';
"""


def upgrade() -> None:
    op.execute(TABLES)
