"""A database that holds the demo says so: outside the demo nothing starts on it (`core.identity.demo_accounts`).

Revision ID: 0032
Revises: 0031
"""

from alembic import op

revision = "0032"
down_revision = "0031"

SCHEMA = """
ALTER TABLE installation ADD COLUMN demo_at timestamptz;
COMMENT ON COLUMN installation.demo_at IS 'when the demo was loaded, whose passwords and agent key everybody knows';
"""


def upgrade() -> None:
    op.execute(SCHEMA)
