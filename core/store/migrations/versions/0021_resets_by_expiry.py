"""An index on the expiry of password resets, for retention.

Revision ID: 0021
Revises: 0020
"""

from core.store.migrations.beside_bookings import build_concurrently

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    build_concurrently({"password_reset_by_expiry": "password_reset (expires_at)"})
