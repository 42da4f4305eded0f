"""A person's own settings: the language of their mails, and whether they are reminded.

Revision ID: 0057
Revises: 0053
"""

from alembic import op

revision = "0057"
down_revision = "0053"

COLUMNS = """
ALTER TABLE user_account
    ADD COLUMN IF NOT EXISTS language text,
    ADD COLUMN IF NOT EXISTS reminders boolean NOT NULL DEFAULT true,
    ADD COLUMN IF NOT EXISTS practitioner_reminders boolean NOT NULL DEFAULT false
"""
COMMENTS = """
COMMENT ON COLUMN user_account.language IS 'of mails and guests'' pages; NULL: nobody chose one';
COMMENT ON COLUMN user_account.reminders IS 'whether mails remind of bookings of one''s own';
COMMENT ON COLUMN user_account.practitioner_reminders IS 'whether mails remind of bookings that clients have with one';
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute(COLUMNS)
        op.execute(COMMENTS)
