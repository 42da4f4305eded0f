"""With which program somebody signed in, so that they can tell their logins apart; and one person's waiting places.

Revision ID: 0064
Revises: 0060
"""

from alembic import op

from core.store.migrations.beside_bookings import build_concurrently

revision = "0064"
down_revision = "0060"

INDEXES = {"waiting_place_by_user": "waiting_place (user_id, id) WHERE booking_id IS NULL"}
COLUMN = "ALTER TABLE login_session ADD COLUMN IF NOT EXISTS user_agent text NOT NULL DEFAULT ''"
COMMENT = """
COMMENT ON COLUMN login_session.user_agent IS 'as the browser named itself; empty where it did not, and before 0064'
"""


def upgrade() -> None:
    build_concurrently(INDEXES)
    op.execute(COLUMN)
    op.execute(COMMENT)
