"""Payments: whether a refund was asked for already, and what the provider's own books say.

Revision ID: 0025
Revises: 0024
"""

from alembic import op

revision = "0025"
down_revision = "0024"

STATEMENTS = """
ALTER TABLE payment
    ADD COLUMN refund_asked integer,
    ADD COLUMN comparing_until timestamptz,
    ADD COLUMN compared_at timestamptz,
    ADD COLUMN compare_again_at timestamptz,
    ADD COLUMN provider_received_minor bigint,
    ADD COLUMN provider_refunded_minor bigint,
    ADD COLUMN differs_since timestamptz;
COMMENT ON COLUMN payment.refund_asked IS 'the number of the refund that the provider was last asked for: it is looked for before it is asked for again';
COMMENT ON COLUMN payment.comparing_until IS 'a worker compares it now; until then nobody else does';
COMMENT ON COLUMN payment.compared_at IS 'when it was last compared with the provider''s books';
COMMENT ON COLUMN payment.provider_received_minor IS 'what came in by the provider''s books, when they were compared';
COMMENT ON COLUMN payment.differs_since IS 'since when our books and the provider''s differ; NULL as soon as they do not';
UPDATE payment SET refund_asked = refund_number WHERE state IN ('returning', 'refunding');

-- What was settled before this release is not asked for: there may be millions.
ALTER TABLE payments_gate ADD COLUMN compared_since timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN payments_gate.compared_since IS 'payments that changed since then are compared';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
