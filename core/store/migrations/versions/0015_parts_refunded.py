"""Payments of which some goes back: for a part of a course or package that is cancelled.

Revision ID: 0015
Revises: 0014
"""

from alembic import op

revision = "0015"
down_revision = "0014"

STATEMENTS = """
ALTER TABLE payment
    ADD COLUMN returning_minor bigint NOT NULL DEFAULT 0 CHECK (returning_minor >= 0),
    ADD COLUMN refund_number integer NOT NULL DEFAULT 0,
    ADD COLUMN owed_minor bigint NOT NULL DEFAULT 0 CHECK (owed_minor >= 0),
    DROP CONSTRAINT payment_state_check,
    DROP CONSTRAINT payment_money_has_come,
    ADD CONSTRAINT payment_state_check CHECK (state IN (
        'queued', 'creating', 'open', 'processing', 'closing', 'canceled', 'failed', 'succeeded', 'returning',
        'refunding', 'refunded', 'refund_failed')),
    ADD CONSTRAINT payment_money_has_come CHECK (
        (received_minor > 0) = (state IN ('succeeded', 'returning', 'refunding', 'refunded', 'refund_failed'))),
    ADD CONSTRAINT payment_gives_back_no_more CHECK (refunded_minor + returning_minor + owed_minor <= received_minor),
    ADD CONSTRAINT payment_knows_what_goes_back CHECK (returning_minor > 0 OR state NOT IN ('returning', 'refunding'));
COMMENT ON COLUMN payment.returning_minor IS 'what Stripe is asked to give back now; fixed until that is done';
COMMENT ON COLUMN payment.refund_number IS 'counts the refunds that were ordered; names the present one at Stripe';
COMMENT ON COLUMN payment.owed_minor IS 'what is to go back after that';

DROP INDEX payment_one_live;
CREATE UNIQUE INDEX payment_one_live ON payment (booking_id)
WHERE state IN ('creating', 'open', 'processing', 'closing', 'succeeded', 'returning');
DROP INDEX payment_due;
CREATE INDEX payment_due ON payment (due_at) WHERE due_at IS NOT NULL AND state IN ('creating', 'returning', 'refunding');
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
