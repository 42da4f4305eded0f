"""Refunds are taken separately from the intents that people wait for: a large cancellation orders thousands.

Revision ID: 0028
Revises: 0027
"""

from alembic import op

revision = "0028"
down_revision = "0027"

STATEMENTS = """
CREATE INDEX payment_creating_due ON payment (due_at) WHERE due_at IS NOT NULL AND state = 'creating';
CREATE INDEX payment_refund_due ON payment (due_at) WHERE due_at IS NOT NULL AND state IN ('returning', 'refunding');
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
