"""Mails about bookings: links for guests, what is known of addresses, how many went where, and mails kept in the demo.

Revision ID: 0045
Revises: 0044
"""

from alembic import op

revision = "0045"
down_revision = "0044"

TABLES = """
CREATE TABLE guest_link (
    token_hash bytea PRIMARY KEY,
    booking_id bigint NOT NULL,
    address_hash bytea NOT NULL,
    ends_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX guest_link_booking ON guest_link (booking_id);
CREATE INDEX guest_link_ends ON guest_link (ends_at);
COMMENT ON TABLE guest_link IS 'by which a guest without a login reaches one booking';
COMMENT ON COLUMN guest_link.address_hash IS 'of the address that it was mailed to: with another one it ends';
COMMENT ON COLUMN guest_link.ends_at IS 'the booking''s end when the link was last mailed; retention goes by it';

CREATE TABLE mail_address (
    address_hash bytea PRIMARY KEY,
    user_id bigint REFERENCES user_account (id) ON DELETE SET NULL,
    token_hash bytea UNIQUE,
    asked_at timestamptz,
    asked_by uuid,
    confirmed_at timestamptz,
    refused_at timestamptz,
    bounced_at timestamptz,
    bounce text
);
CREATE INDEX mail_address_user ON mail_address (user_id);
COMMENT ON TABLE mail_address IS 'what is known of an address, by its hash';
COMMENT ON COLUMN mail_address.asked_by IS 'the delivery that asks its reader whether they want mails';
COMMENT ON COLUMN mail_address.bounce IS 'the mail server''s answer code';

CREATE TABLE mail_count (
    day date NOT NULL,
    who text NOT NULL,
    mails integer NOT NULL,
    PRIMARY KEY (day, who)
);
COMMENT ON TABLE mail_count IS 'mails of a day (UTC) to an address, or that a caller brought about';

CREATE TABLE kept_mail (
    delivery_id uuid PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
    subject text NOT NULL,
    text text NOT NULL,
    html text NOT NULL,
    calendar text,
    kept_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX kept_mail_user ON kept_mail (user_id);
CREATE INDEX kept_mail_by_age ON kept_mail (kept_at);
COMMENT ON TABLE kept_mail IS 'what a mail said, in the demo, where none is sent';
"""


def upgrade() -> None:
    op.execute(TABLES)
