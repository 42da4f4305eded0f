"""Services, categories and practitioners are found by their folded name, whichever release wrote it.

Two services that are one by the rule stay two: they are told to whoever migrates, the older active one is what is
booked, and the index that would refuse them is not made unique.

Revision ID: 0033
Revises: 0032
"""

import structlog
from alembic import op

revision = "0033"
down_revision = "0032"

log = structlog.get_logger()

STATEMENTS = """
-- No column here is generated: that rewrites its table, and a transaction that took its snapshot before sees the new
-- table as empty. Triggers fill the columns, whichever release writes.
CREATE FUNCTION fold_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.name_folded := folded(NEW.name);
    RETURN NEW;
END $$;
ALTER TABLE service ADD COLUMN name_folded text;
ALTER TABLE category ADD COLUMN name_folded text;
ALTER TABLE practitioner ADD COLUMN name_folded text;
CREATE TRIGGER service_folded BEFORE INSERT OR UPDATE OF name, name_folded ON service
FOR EACH ROW EXECUTE FUNCTION fold_name();
CREATE TRIGGER category_folded BEFORE INSERT OR UPDATE OF name, name_folded ON category
FOR EACH ROW EXECUTE FUNCTION fold_name();
CREATE TRIGGER practitioner_folded BEFORE INSERT OR UPDATE OF name, name_folded ON practitioner
FOR EACH ROW EXECUTE FUNCTION fold_name();
UPDATE service SET name_folded = folded(name);
UPDATE category SET name_folded = folded(name);
UPDATE practitioner SET name_folded = folded(name);
CREATE INDEX practitioner_by_folded_words ON practitioner USING gin (name_folded gin_trgm_ops);
COMMENT ON COLUMN service.name_folded IS 'what the service is found by; name_key is what releases before 0033 found it by';
COMMENT ON COLUMN category.name_folded IS 'what the category is found by; name_key is what releases before 0033 found it by';
COMMENT ON COLUMN practitioner.name_folded IS 'for the search; name_key is what releases before 0033 searched';

-- Migration 0034 fills what is there already: there may be millions of people.
ALTER TABLE user_account ADD COLUMN words text;
COMMENT ON COLUMN user_account.words IS 'folded, for the search; words begin after a blank, so that one or two letters find beginnings by index';
CREATE FUNCTION fold_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.words := ' ' || folded(concat_ws(' ', NEW.username, NEW.first_name, NEW.last_name, coalesce(NEW.email, NEW.contact_email)));
    RETURN NEW;
END $$;
CREATE TRIGGER user_account_folded
BEFORE INSERT OR UPDATE OF username, first_name, last_name, email, contact_email, words ON user_account
FOR EACH ROW EXECUTE FUNCTION fold_person();
"""
ONE_EACH = {"service": "WHERE is_named", "category": ""}
"""Tables in which a name is one thing's, and of which rows."""


def upgrade() -> None:
    op.execute(STATEMENTS)
    for table, among in ONE_EACH.items():
        same = (
            f"SELECT array_agg(id ORDER BY id) FROM {table} {among} GROUP BY name_folded HAVING count(*) > 1 ORDER BY 1"
        )
        found = [row[0] for row in op.get_bind().exec_driver_sql(same)]
        for ids in found:
            log.warning("the same name twice: rename all but one; nothing was changed", table=table, ids=ids)
        op.execute(f"CREATE {'' if found else 'UNIQUE '}INDEX {table}_by_folded_name ON {table} (name_folded) {among}")
