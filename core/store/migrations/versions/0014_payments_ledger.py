"""Payments: what cannot be seen to is parked, refunds made at Stripe count, and staff read the ledger.

Revision ID: 0014
Revises: 0013
"""

from alembic import op

revision = "0014"
down_revision = "0013"

STATEMENTS = """
-- What the worker tried in vain again and again is not given up, but tried seldom and shown to staff.
ALTER TABLE payment
    ADD COLUMN parked_at timestamptz,
    ADD COLUMN problem text;
COMMENT ON COLUMN payment.parked_at IS 'since when it is tried but seldom; NULL as soon as it is seen to';
COMMENT ON COLUMN payment.problem IS 'why it is parked; for operators';
CREATE INDEX payment_parked ON payment (parked_at) WHERE parked_at IS NOT NULL;
CREATE INDEX payment_refund_failed ON payment (updated_at) WHERE state = 'refund_failed';
CREATE INDEX payment_newest ON payment (created_at DESC, id);

-- A part of the money may go back while the rest is kept, by whoever does that at Stripe; both are looked at then.
ALTER TABLE payment
    DROP CONSTRAINT payment_money_went_back,
    ADD CONSTRAINT payment_money_went_back CHECK (state <> 'refunded' OR refunded_minor > 0);
DROP INDEX payment_look_due;
CREATE INDEX payment_look_due ON payment (due_at)
WHERE due_at IS NOT NULL AND state IN ('open', 'processing', 'succeeded', 'refund_failed');
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
