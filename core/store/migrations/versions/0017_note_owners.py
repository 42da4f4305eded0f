"""Who wrote a lane's note, so that nobody is taken for dead who lives.

Revision ID: 0017
Revises: 0016
"""

from alembic import op

revision = "0017"
down_revision = "0016"

STATEMENTS = """
ALTER TABLE lane_note ADD COLUMN owner_pid integer NOT NULL DEFAULT 0,
                      ADD COLUMN noted_at timestamptz NOT NULL DEFAULT '-infinity';
COMMENT ON COLUMN lane_note.owner_pid IS 'of the server process behind the owner''s connection for notes';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
