"""Commands that are done in steps: how far they are, and who is still to be cancelled with a session.

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

-- Each step finds its share here, however many the steps before it have cancelled.
CREATE INDEX marketplace_booking_live_of_session ON marketplace_booking (session_id, booking_id)
    WHERE session_id IS NOT NULL AND status IN ('confirmed', 'held');
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
