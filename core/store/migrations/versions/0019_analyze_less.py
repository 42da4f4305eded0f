"""Statistics of tables that only grow: taken again when they have doubled, not with each tenth.

Their rows are found by keys, and the best plan for that does not change with their number. On a
small and busy database a tenth is there every few seconds, and a look at 30,000 wide rows costs as
much as thousands of bookings.

Revision ID: 0019
Revises: 0018
"""

from alembic import op

revision = "0019"
down_revision = "0018"

STATEMENTS = """
ALTER TABLE claim SET (autovacuum_analyze_scale_factor = 1);
ALTER TABLE event SET (autovacuum_analyze_scale_factor = 1);
ALTER TABLE event_batch SET (autovacuum_analyze_scale_factor = 1);
ALTER TABLE booking SET (autovacuum_analyze_scale_factor = 0.5);
DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'outcome'::regclass LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_analyze_scale_factor = 1)', part);
    END LOOP;
END $$;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
