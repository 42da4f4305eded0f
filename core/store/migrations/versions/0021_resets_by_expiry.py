"""An index on the expiry of password resets, for retention.

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
