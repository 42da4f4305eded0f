"""Failed refunds are recorded apart: the rest of a payment can still be refunded.

Revision ID: 0023
Revises: 0022
"""

from alembic import op

revision = "0023"
down_revision = "0022"

STATEMENTS = """
ALTER TABLE payment ADD COLUMN failed_minor bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN payment.failed_minor IS 'what Stripe could not give back: a person must';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
