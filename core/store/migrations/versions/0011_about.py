"""Whose data decided commands hold, so that anonymising somebody finds them.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"

STATEMENTS = """
ALTER TABLE outcome ADD COLUMN about text[];
CREATE INDEX outcome_by_person ON outcome USING gin (about);
COMMENT ON COLUMN outcome.about IS 'names of people as core.store.about gives them: user:7, phone:+15550001111';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
