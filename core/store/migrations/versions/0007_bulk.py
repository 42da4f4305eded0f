"""Bulks: many rows in one request, judged one by one or all together, and where to find their outcomes.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"

STATEMENTS = """
CREATE TABLE bulk (
    id uuid PRIMARY KEY,
    owner text NOT NULL,
    mode text NOT NULL CHECK (mode IN ('each', 'all_or_nothing')),
    rows integer NOT NULL CHECK (rows > 0),
    refused integer NOT NULL CHECK (refused BETWEEN 0 AND rows),
    accepted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX bulk_by_age ON bulk (accepted_at);
COMMENT ON TABLE bulk IS 'never updated: how far it is, its rows'' outcomes say, so that no two lanes meet here';
COMMENT ON COLUMN bulk.refused IS 'rows refused before the inbox; their outcomes were written with the bulk';

ALTER TABLE inbox ADD COLUMN bulk_id uuid;
ALTER TABLE inbox ADD COLUMN bulk_row integer;
ALTER TABLE inbox ADD COLUMN weight smallint NOT NULL DEFAULT 1;
COMMENT ON COLUMN inbox.bulk_row IS 'from 1; NULL for the one command of an all-or-nothing bulk, whose id is the bulk''s';
COMMENT ON COLUMN inbox.weight IS 'how many bookings it may make: a lane''s batch is bounded by their sum';

ALTER TABLE outcome ADD COLUMN bulk_id uuid;
ALTER TABLE outcome ADD COLUMN bulk_row integer;
CREATE INDEX outcome_by_bulk ON outcome (bulk_id, bulk_row) INCLUDE (status) WHERE bulk_id IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
