"""Endpoints of webhooks: where what happens to bookings is sent.

Revision ID: 0046
Revises: 0045
"""

from alembic import op

revision = "0046"
down_revision = "0045"

STATEMENTS = """
CREATE TABLE webhook_endpoint (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    url text NOT NULL,
    event_types text[] NOT NULL,
    description text NOT NULL DEFAULT '',
    sealed_secret text NOT NULL,
    sealed_previous text,
    previous_until timestamptz,
    created_by bigint REFERENCES user_account ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    disabled_at timestamptz,
    disabled_why text,
    CHECK ((sealed_previous IS NULL) = (previous_until IS NULL)),
    CHECK ((disabled_at IS NULL) = (disabled_why IS NULL))
);
CREATE INDEX webhook_endpoint_by_maker ON webhook_endpoint (created_by);
COMMENT ON TABLE webhook_endpoint IS 'URLs of others that are told what happens to bookings; their deliveries are of the sender webhooks';
COMMENT ON COLUMN webhook_endpoint.sealed_secret IS 'signs what is sent; encrypted with a key derived from HOLDFAST_SECRET_KEY';
COMMENT ON COLUMN webhook_endpoint.sealed_previous IS 'the secret before it, which signs too until previous_until';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
