"""The trace that a command belongs to travels with it: through the inbox, its events and the payments that it changes.

Table by table: whoever holds one of them and waits for another is not waited for.

Revision ID: 0042
Revises: 0041
"""

from alembic import op

revision = "0042"
down_revision = "0041"

TABLES = ("inbox", "event", "payment")
COMMENT = "W3C trace context of the sampled request that it goes back to; NULL for all others"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for table in TABLES:
            op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS traceparent text")
            op.execute(f"COMMENT ON COLUMN {table}.traceparent IS '{COMMENT}'")
