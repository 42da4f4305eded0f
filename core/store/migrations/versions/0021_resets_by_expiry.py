"""Password resets are found by their age: deleted in small batches, and seen when they are late.

Revision ID: 0021
Revises: 0020
"""

from alembic import op

revision = "0021"
down_revision = "0020"

STATEMENTS = """
CREATE INDEX password_reset_by_expiry ON password_reset (expires_at);
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
