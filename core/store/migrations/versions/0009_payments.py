"""Payments: one row an attempt to pay, with what the payments worker keeps of its own.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"

STATEMENTS = """
CREATE TABLE payment (
    id uuid PRIMARY KEY,
    booking_id bigint NOT NULL REFERENCES booking,
    attempt integer NOT NULL CHECK (attempt > 0),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    state text NOT NULL CHECK (state IN (
        'queued', 'creating', 'open', 'processing', 'closing', 'canceled', 'failed', 'succeeded', 'refunding',
        'refunded', 'refund_failed')),
    intent_id text UNIQUE,
    decline text,
    received_minor bigint NOT NULL DEFAULT 0 CHECK (received_minor >= 0),
    refunded_minor bigint NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND received_minor),
    refund_id text UNIQUE,
    refund_reason text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    due_at timestamptz,
    sent boolean NOT NULL DEFAULT false,
    lease uuid,
    leased_until timestamptz,
    tries integer NOT NULL DEFAULT 0,
    key_number integer NOT NULL DEFAULT 1,
    UNIQUE (booking_id, attempt),
    CONSTRAINT payment_open_has_intent CHECK (intent_id IS NOT NULL OR state NOT IN ('open', 'processing')),
    CONSTRAINT payment_money_has_come CHECK (
        (received_minor > 0) = (state IN ('succeeded', 'refunding', 'refunded', 'refund_failed'))),
    CONSTRAINT payment_money_went_back CHECK ((refunded_minor > 0) = (state = 'refunded'))
);
COMMENT ON COLUMN payment.due_at IS 'when the payments worker is to see to it; what it does then follows from the state';
COMMENT ON COLUMN payment.sent IS 'the worker may have asked Stripe for the intent: it is not ended without looking';
COMMENT ON COLUMN payment.lease IS 'the worker that sees to it now; until leased_until nobody else does';
COMMENT ON COLUMN payment.key_number IS 'of the idempotency key; a new one after an error that Stripe keeps under the old';

-- What can still be charged, or was and is kept: one a booking, whatever the code believes.
CREATE UNIQUE INDEX payment_one_live ON payment (booking_id)
WHERE state IN ('creating', 'open', 'processing', 'closing', 'succeeded');
CREATE UNIQUE INDEX payment_one_queued ON payment (booking_id) WHERE state = 'queued';
-- Cancellations are apart: after a mass of holds has lapsed they are many, and nobody waits for them.
CREATE INDEX payment_due ON payment (due_at) WHERE due_at IS NOT NULL AND state <> 'closing';
CREATE INDEX payment_closing_due ON payment (due_at) WHERE due_at IS NOT NULL AND state = 'closing';

-- The way to Stripe, shared by all payments workers: its circuit, and the pace of cancellations.
-- One row, rewritten in place.
CREATE TABLE payments_gate (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    opened_at timestamptz,
    retry_at timestamptz,
    failures integer NOT NULL DEFAULT 0,
    problem text,
    cancels_until timestamptz NOT NULL DEFAULT 'epoch',
    CHECK ((opened_at IS NULL) = (retry_at IS NULL))
) WITH (fillfactor = 50);
INSERT INTO payments_gate DEFAULT VALUES;
COMMENT ON COLUMN payments_gate.opened_at IS 'the circuit is open: Stripe is left alone but for one try at retry_at';
COMMENT ON COLUMN payments_gate.cancels_until IS 'up to when cancellations are spoken for (GCRA)';

-- Stripe sends an event again for days: what was taken in is remembered longer than that.
CREATE TABLE stripe_event (
    id text PRIMARY KEY,
    type text NOT NULL,
    command_id uuid,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX stripe_event_by_age ON stripe_event (received_at);

-- Deferred commands: decided but for an answer that comes from outside.
ALTER TABLE inbox ADD COLUMN awaits uuid;
CREATE INDEX inbox_awaiting ON inbox (awaits) WHERE awaits IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
