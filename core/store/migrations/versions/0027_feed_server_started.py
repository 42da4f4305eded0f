"""When the server that numbered the feed was started: on a restored disk it has started since.

Revision ID: 0027
Revises: 0026
"""

from alembic import op

revision = "0027"
down_revision = "0026"

STATEMENTS = """
ALTER TABLE feed ADD COLUMN server_started_at timestamptz;
COMMENT ON COLUMN feed.server_started_at IS 'after another start, somebody must know the epoch, or it is renewed';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
