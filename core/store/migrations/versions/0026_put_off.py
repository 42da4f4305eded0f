"""Commands that are put off, and which releases a schema serves.

Revision ID: 0026
Revises: 0025
"""

from alembic import op

revision = "0026"
down_revision = "0025"

STATEMENTS = """
ALTER TABLE inbox ADD COLUMN put_off_until timestamptz, ADD COLUMN put_offs smallint NOT NULL DEFAULT 0;
COMMENT ON COLUMN inbox.put_off_until IS 'the database refuses this command while it decides others: no lane reads it before';
COMMENT ON COLUMN inbox.put_offs IS 'how often it was put off; each time for longer';
ALTER TABLE installation ADD COLUMN serves_from text;
COMMENT ON COLUMN installation.serves_from IS
    'the newest migration of the oldest release that this schema serves; null: all. Migrations that only add leave it alone';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
