"""Restores of this database, and what the payment provider knew that the backup did not.

Revision ID: 0038
Revises: 0037
"""

from alembic import op

revision = "0038"
down_revision = "0037"

STATEMENTS = """
CREATE TABLE database_restore (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    restored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    taken_at timestamptz NOT NULL,
    holdfast text NOT NULL,
    schema_before text NOT NULL,
    postgresql integer NOT NULL,
    bookings bigint,
    known_epoch text NOT NULL,
    known_head bigint NOT NULL,
    compared_at timestamptz
);
CREATE INDEX database_restore_by_age ON database_restore (restored_at);
COMMENT ON TABLE database_restore IS 'this database was restored from a backup, or to a point in time';
COMMENT ON COLUMN database_restore.taken_at IS 'the moment whose state the restore brought back';
COMMENT ON COLUMN database_restore.compared_at IS 'when the payment provider was last asked what it knows beyond that';

CREATE TABLE restore_finding (
    restore_id bigint NOT NULL REFERENCES database_restore ON DELETE CASCADE,
    intent_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('charged', 'charged_unknown', 'payable_unknown', 'refunded')),
    payment_id uuid,
    booking_id bigint,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    provider_received_minor bigint NOT NULL,
    provider_refunded_minor bigint NOT NULL,
    received_minor bigint NOT NULL,
    refunded_minor bigint NOT NULL,
    happened_at timestamptz NOT NULL,
    PRIMARY KEY (restore_id, intent_id)
);
COMMENT ON TABLE restore_finding IS 'for a person: nothing was changed because of it';
COMMENT ON COLUMN restore_finding.booking_id IS 'as the provider has it: the restored database may not';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
