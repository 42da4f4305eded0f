"""The installation's time zone and its maintenance are kept in the database, where every process reads them.

Revision ID: 0041
Revises: 0040
"""

from alembic import op

revision = "0041"
down_revision = "0040"

SCHEMA = """
ALTER TABLE installation
    ADD COLUMN time_zone text,
    ADD COLUMN maintenance_since timestamptz,
    ADD COLUMN maintenance_message text,
    ADD COLUMN maintenance_retry_after_s integer;
COMMENT ON COLUMN installation.time_zone IS 'IANA, of resources that are given none; NULL before a migrate has written it down';
COMMENT ON COLUMN installation.maintenance_since IS 'since when the API takes no writes; NULL while it takes them';
"""


def upgrade() -> None:
    op.execute(SCHEMA)
