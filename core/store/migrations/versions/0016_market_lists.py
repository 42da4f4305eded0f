"""Lists of the marketplace at any size: an ordered range for each filter that staff may set, and names to search by.

Revision ID: 0016
Revises: 0015
"""

from alembic import op

revision = "0016"
down_revision = "0015"

STATEMENTS = """
-- A filter and an order that disagree (the first to be made of those that are confirmed) would walk
-- the whole table by either alone.
CREATE INDEX marketplace_booking_by_status_start ON marketplace_booking (status, starts_at DESC NULLS LAST, booking_id DESC);
CREATE INDEX marketplace_booking_by_status_created ON marketplace_booking (status, created_at DESC, booking_id DESC);
CREATE INDEX marketplace_booking_by_status_price ON marketplace_booking (status, price_minor DESC, booking_id DESC);
CREATE INDEX marketplace_booking_by_kind_start ON marketplace_booking (kind, starts_at DESC NULLS LAST, booking_id DESC);
CREATE INDEX marketplace_booking_by_kind_created ON marketplace_booking (kind, created_at DESC, booking_id DESC);
CREATE INDEX marketplace_booking_by_kind_price ON marketplace_booking (kind, price_minor DESC, booking_id DESC);
CREATE INDEX marketplace_booking_by_service_start ON marketplace_booking (service_id, starts_at DESC NULLS LAST, booking_id DESC);
CREATE INDEX marketplace_booking_by_service_created ON marketplace_booking (service_id, created_at DESC, booking_id DESC);
CREATE INDEX marketplace_booking_by_service_price ON marketplace_booking (service_id, price_minor DESC, booking_id DESC);
CREATE INDEX marketplace_booking_by_payment_start ON marketplace_booking (payment_status, starts_at DESC NULLS LAST, booking_id DESC);
CREATE INDEX marketplace_booking_by_payment_created ON marketplace_booking (payment_status, created_at DESC, booking_id DESC);
CREATE INDEX marketplace_booking_by_payment_price ON marketplace_booking (payment_status, price_minor DESC, booking_id DESC);

-- Words to search by are folded by one rule, Python's casefold, on either side.
ALTER TABLE practitioner ADD COLUMN name_key text;
UPDATE practitioner SET name_key = lower(name);
ALTER TABLE practitioner ALTER COLUMN name_key SET NOT NULL;
DROP INDEX practitioner_by_words;
CREATE INDEX practitioner_by_words ON practitioner USING gin (name_key gin_trgm_ops);
COMMENT ON COLUMN practitioner.name_key IS 'the name, casefolded, for the search';
COMMENT ON COLUMN marketplace_booking.words IS 'title, description and service, casefolded, for the search';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
