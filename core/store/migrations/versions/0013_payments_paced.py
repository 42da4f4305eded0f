"""Payments: looks keep the pace of cancellations, and stand apart from what people wait for.

Revision ID: 0013
Revises: 0012
"""

from alembic import op

revision = "0013"
down_revision = "0012"

STATEMENTS = """
-- What people wait for stands apart from looking, and from cancelling, of which there may be very much.
DROP INDEX payment_due;
CREATE INDEX payment_due ON payment (due_at) WHERE due_at IS NOT NULL AND state IN ('creating', 'refunding');
CREATE INDEX payment_look_due ON payment (due_at) WHERE due_at IS NOT NULL AND state IN ('open', 'processing');

ALTER TABLE payments_gate RENAME cancels_until TO background_until;
COMMENT ON COLUMN payments_gate.background_until IS 'up to when calls that nobody waits for are spoken for (GCRA)';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
