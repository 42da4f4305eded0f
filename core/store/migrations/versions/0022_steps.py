"""The progress of commands that are done in steps.

Revision ID: 0022
Revises: 0021
"""

from alembic import op

revision = "0022"
down_revision = "0021"

STATEMENTS = """
ALTER TABLE inbox ADD COLUMN done integer;
ALTER TABLE inbox ADD COLUMN total integer;
COMMENT ON COLUMN inbox.total IS 'of a command that is done in steps, once the first is done: how much there is to do';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
