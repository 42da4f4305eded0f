"""Deliveries are taken in runs: what waits in turn has no index of its own, and the answer to it changes none.

A receiver's row says how far its deliveries have been taken, `delivery_run` which are under way, and `retry_at` marks
the few that are taken out of turn. So a delivery that arrives at once is one insertion and one update in place.

Revision ID: 0051
Revises: 0050
"""

from alembic import op

revision = "0051"
down_revision = "0050"

STATEMENTS = """
ALTER TABLE delivery
    ADD COLUMN retry_at timestamptz,
    ADD COLUMN parked_at timestamptz,
    ADD COLUMN tried_at timestamptz,
    ADD COLUMN duration_ms integer,
    ADD COLUMN detail jsonb;
ALTER TABLE delivery SET (fillfactor = 50);
COMMENT ON COLUMN delivery.retry_at IS 'of one that waits out of turn: not earlier; NULL while it waits in turn, and while it is under way';
COMMENT ON COLUMN delivery.tried_at IS 'when the attempt began by which it was sent; how long that took and what was answered stand beside it';
COMMENT ON COLUMN delivery.lease IS 'not written any more: see delivery_run';
COMMENT ON COLUMN delivery.leased_until IS 'not written any more: see delivery_run';
COMMENT ON TABLE delivery_attempt IS 'each attempt that failed, and of what was sent again the ones before';

ALTER TABLE delivery_receiver
    ADD COLUMN taken_seq bigint NOT NULL DEFAULT 0,
    ADD COLUMN is_slow boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN delivery_receiver.taken_seq IS 'what waits behind it is taken in turn';
COMMENT ON COLUMN delivery_receiver.is_slow IS 'in its last run: it shares the threads of those that fail';

CREATE TABLE delivery_run (
    lease uuid PRIMARY KEY,
    sender text NOT NULL,
    leased_at timestamptz NOT NULL,
    leased_until timestamptz NOT NULL,
    ids uuid[] NOT NULL,
    receivers text[] NOT NULL,
    bookings bigint[] NOT NULL
);
COMMENT ON TABLE delivery_run IS 'what a worker has taken and not reported; one whose lease ran out is taken back';
COMMENT ON COLUMN delivery_run.bookings IS 'of each delivery, NULL where it is about none';
"""
"""Half a page is left for the one change that most rows get, which then needs no new entry in any index."""


def upgrade() -> None:
    op.execute(STATEMENTS)
