"""A resource keeps its zone while it has time taken ahead: local days and times were worked out with it.

The trigger also answers the previous release, which does not ask first.

Revision ID: 0031
Revises: 0030
"""

from alembic import op

from core.store.migrations.beside_bookings import build_concurrently

revision = "0031"
down_revision = "0030"

STATEMENTS = """
CREATE FUNCTION resource_keeps_zone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM claim WHERE resource_id = NEW.id AND during && tstzrange(clock_timestamp(), NULL)) THEN
        RAISE EXCEPTION 'resource % has bookings, sessions or closures ahead: its zone cannot change', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'resource_keeps_zone';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER resource_keeps_zone BEFORE UPDATE OF zone ON resource
FOR EACH ROW WHEN (OLD.zone IS DISTINCT FROM NEW.zone) EXECUTE FUNCTION resource_keeps_zone();
"""


def upgrade() -> None:
    build_concurrently({"resource_by_zone": "resource (zone)"})
    op.execute(STATEMENTS)
