"""A batch that lost a race says so in PostgreSQL, before its commit.

Revision ID: 0018
Revises: 0017
"""

from alembic import op

revision = "0018"
down_revision = "0017"

STATEMENTS = """
CREATE FUNCTION batch_lost_race() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a row of this batch went to somebody else first' USING ERRCODE = 'HF001';
END
$$;
COMMENT ON FUNCTION batch_lost_race() IS 'ends the transaction; the batch is loaded and decided again';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
