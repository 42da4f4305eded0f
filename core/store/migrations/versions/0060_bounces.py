"""Bounces: an index to list the addresses that bounced, and how far the mailbox that they come back to was read.

Revision ID: 0060
Revises: 0059
"""

from alembic import op

from core.store.migrations.beside_bookings import build_concurrently

revision = "0060"
down_revision = "0059"

INDEXES = {"mail_address_bounced": "mail_address (bounced_at) WHERE bounced_at IS NOT NULL"}
TABLE = """
CREATE TABLE bounce_mailbox (
    mailbox text PRIMARY KEY,
    uid_validity bigint,
    last_uid bigint NOT NULL DEFAULT 0,
    read_at timestamptz NOT NULL DEFAULT '-infinity',
    problem text
)
"""
COMMENTS = """
COMMENT ON TABLE bounce_mailbox IS 'how far the mailbox was read to which undeliverable mails come back';
COMMENT ON COLUMN bounce_mailbox.uid_validity IS 'the server''s: with another one its numbers begin anew (RFC 3501, 2.3.1.1)';
COMMENT ON COLUMN bounce_mailbox.read_at IS 'when a worker looked last, or began to';
COMMENT ON COLUMN bounce_mailbox.problem IS 'why the last look failed';
"""


def upgrade() -> None:
    build_concurrently(INDEXES)
    op.execute(TABLE)
    op.execute(COMMENTS)
