"""What leaves the house: where each sender stands in the feed, its deliveries, their attempts, and their receivers.

Revision ID: 0043
Revises: 0042
"""

from alembic import op

revision = "0043"
down_revision = "0042"

TABLES = """
CREATE TABLE delivery_cursor (
    sender text PRIMARY KEY,
    epoch text NOT NULL,
    position bigint NOT NULL,
    missed_events bigint NOT NULL DEFAULT 0,
    missed_at timestamptz,
    missed_why text
);
COMMENT ON TABLE delivery_cursor IS 'how far each sender that has something to do has planned the feed';
COMMENT ON COLUMN delivery_cursor.missed_events IS 'that were gone before they were planned, in all; the last time and its reason beside it';

CREATE TABLE delivery (
    id uuid PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    sender text NOT NULL,
    receiver text NOT NULL,
    booking_id bigint,
    type text NOT NULL,
    epoch text NOT NULL,
    position bigint,
    data jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'sent', 'parked', 'dropped')),
    attempts integer NOT NULL DEFAULT 0,
    tried_since timestamptz,
    due_at timestamptz,
    lease uuid,
    leased_until timestamptz,
    answer text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at timestamptz,
    CHECK ((state = 'waiting') = (due_at IS NOT NULL)),
    CHECK ((state = 'waiting') = (done_at IS NULL))
);
CREATE INDEX delivery_due ON delivery (sender, receiver, due_at) WHERE state = 'waiting';
CREATE INDEX delivery_in_order ON delivery (sender, receiver, booking_id, seq) WHERE state = 'waiting';
CREATE INDEX delivery_waiting_by_age ON delivery (sender, created_at) WHERE state = 'waiting';
CREATE INDEX delivery_leased ON delivery (sender, receiver) WHERE lease IS NOT NULL;
CREATE INDEX delivery_parked ON delivery (done_at) WHERE state = 'parked';
CREATE INDEX delivery_by_receiver ON delivery (sender, receiver, seq);
CREATE INDEX delivery_by_age ON delivery (done_at) WHERE done_at IS NOT NULL;
COMMENT ON TABLE delivery IS 'one message to one receiver: ids and small facts; personal data is joined when it is sent';
COMMENT ON COLUMN delivery.id IS 'the receiver sees it, and drops what it has had';
COMMENT ON COLUMN delivery.receiver IS 'the key of an endpoint or an address within its sender, never the address';
COMMENT ON COLUMN delivery.booking_id IS 'what must arrive in order; NULL for what needs none';
COMMENT ON COLUMN delivery.tried_since IS 'when it was first tried, or first again after a replay';
COMMENT ON COLUMN delivery.answer IS 'to the last attempt, in short';

CREATE TABLE delivery_attempt (
    delivery_id uuid NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
    number integer NOT NULL,
    at timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    verdict text NOT NULL,
    answer text NOT NULL,
    detail jsonb,
    PRIMARY KEY (delivery_id, number)
);
COMMENT ON TABLE delivery_attempt IS 'what became of each attempt';

CREATE TABLE delivery_receiver (
    sender text NOT NULL,
    receiver text NOT NULL,
    due_at timestamptz,
    failures integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    paused_until timestamptz,
    touched_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (sender, receiver)
);
CREATE INDEX delivery_receiver_due ON delivery_receiver (sender, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_receiver_by_age ON delivery_receiver (touched_at);
COMMENT ON TABLE delivery_receiver IS 'who is sent something, and how that goes: its row is locked while its deliveries are leased';
COMMENT ON COLUMN delivery_receiver.due_at IS 'when to look at its deliveries again; NULL when none waits';
COMMENT ON COLUMN delivery_receiver.failures IS 'in a row';
"""
EPOCH = """
ALTER TABLE feed ADD COLUMN IF NOT EXISTS epoch_began_at timestamptz;
COMMENT ON COLUMN feed.epoch_began_at IS 'NULL if this epoch began before it was recorded';
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute(EPOCH)
    op.execute(TABLES)
