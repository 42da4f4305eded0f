"""The feed's origin: another server, timeline, database or table means that it was restored.

Revision ID: 0024
Revises: 0023
"""

from alembic import op

revision = "0024"
down_revision = "0023"

STATEMENTS = """
ALTER TABLE feed ADD COLUMN origin text;
COMMENT ON COLUMN feed.origin IS 'feed_origin() when the epoch began; it differs after a restore';

CREATE FUNCTION feed_origin() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    server text := '';
    timeline text := '';
BEGIN
    BEGIN
        server := (SELECT system_identifier FROM pg_control_system());
        timeline := substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8);
    EXCEPTION WHEN insufficient_privilege OR object_not_in_prerequisite_state THEN
        NULL;  -- a host that does not tell: the rest must do
    END;
    RETURN concat_ws(' ', 'server', server, 'timeline', timeline,
        'database', (SELECT oid FROM pg_database WHERE datname = current_database()),
        'tables', 'feed'::regclass::oid, 'event_batch'::regclass::oid, 'event'::regclass::oid);
END
$$;
COMMENT ON FUNCTION feed_origin() IS 'what a dump, a copy, a recovery to a point in time or a promoted standby does not keep';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
