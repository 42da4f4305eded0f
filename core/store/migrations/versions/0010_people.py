"""Lists and summaries of people: what is searched and filtered by, its indexes, a tally, and when somebody was anonymised.

The tally works as that of bookings: a statement that writes people appends what it changed, a sweep
folds it in, and whoever reads adds up both. No two writers ever update the same row.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"

STATEMENTS = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;

ALTER TABLE user_account
    ADD COLUMN anonymised_at timestamptz,
    ADD COLUMN shown_email text GENERATED ALWAYS AS (coalesce(email, contact_email)) STORED,
    ADD COLUMN gender_key text GENERATED ALWAYS AS (CASE
        WHEN lower(btrim(gender)) IN ('male', 'm') THEN 'male'
        WHEN lower(btrim(gender)) IN ('female', 'f') THEN 'female'
        WHEN btrim(gender) = '' THEN ''
        ELSE 'other' END) STORED,
    ADD COLUMN country_key text GENERATED ALWAYS AS (coalesce(country_code, lower(btrim(country)))) STORED,
    ADD COLUMN search_text text GENERATED ALWAYS AS (
        lower(' ' || username || ' ' || first_name || ' ' || last_name || ' ' || coalesce(email, contact_email))) STORED;
COMMENT ON COLUMN user_account.gender_key IS 'one of four, so that the tally stays small whatever agents send';
COMMENT ON COLUMN user_account.country_key IS 'the ISO code, or what was sent where that is no country''s name';
COMMENT ON COLUMN user_account.search_text IS 'words begin after a blank, so that one or two letters find beginnings by index';

CREATE INDEX user_by_search ON user_account USING gin (search_text gin_trgm_ops);
CREATE INDEX user_by_first_name ON user_account (lower(first_name), id);
CREATE INDEX user_by_last_name ON user_account (lower(last_name), id);
CREATE INDEX user_by_email ON user_account (lower(shown_email), id);
CREATE INDEX user_by_date_joined ON user_account (date_joined, id);
CREATE INDEX user_by_last_login ON user_account (coalesce(last_login, '-infinity'), id);
CREATE INDEX user_by_active ON user_account (is_active, id);
CREATE INDEX user_by_staff ON user_account (is_staff, id);
CREATE INDEX user_by_superuser ON user_account (is_superuser, id);
CREATE INDEX user_by_gender ON user_account (gender_key, id);
CREATE INDEX user_by_country ON user_account (country_key, id);
CREATE INDEX user_anonymised ON user_account (anonymised_at) WHERE anonymised_at IS NOT NULL;

CREATE TABLE user_tally (
    is_active boolean NOT NULL,
    is_staff boolean NOT NULL,
    is_superuser boolean NOT NULL,
    gender_key text NOT NULL,
    country_code text NOT NULL,
    people bigint NOT NULL,
    PRIMARY KEY (is_active, is_staff, is_superuser, gender_key, country_code)
);
CREATE TABLE user_tally_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    is_active boolean NOT NULL,
    is_staff boolean NOT NULL,
    is_superuser boolean NOT NULL,
    gender_key text NOT NULL,
    country_code text NOT NULL,
    people bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000);
CREATE VIEW user_count AS
SELECT is_active, is_staff, is_superuser, gender_key, country_code, people FROM user_tally
UNION ALL
SELECT is_active, is_staff, is_superuser, gender_key, country_code, people FROM user_tally_change;
COMMENT ON COLUMN user_tally.country_code IS 'empty for none, and for what is no country';
COMMENT ON VIEW user_count IS 'add up: people by what lists filter by, as of the reader''s snapshot';

CREATE FUNCTION tally_people_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_tally_change (is_active, is_staff, is_superuser, gender_key, country_code, people)
    SELECT is_active, is_staff, is_superuser, gender_key, coalesce(country_code, ''), count(*) FROM new_people GROUP BY 1, 2, 3, 4, 5;
    RETURN NULL;
END $$;
CREATE FUNCTION tally_people_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_tally_change (is_active, is_staff, is_superuser, gender_key, country_code, people)
    SELECT is_active, is_staff, is_superuser, gender_key, coalesce(country_code, ''), -count(*) FROM old_people GROUP BY 1, 2, 3, 4, 5;
    RETURN NULL;
END $$;
CREATE FUNCTION tally_people_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_tally_change (is_active, is_staff, is_superuser, gender_key, country_code, people)
    SELECT is_active, is_staff, is_superuser, gender_key, coalesce(country_code, ''), sum(n) FROM (
        SELECT is_active, is_staff, is_superuser, gender_key, country_code, 1 AS n FROM new_people
        UNION ALL
        SELECT is_active, is_staff, is_superuser, gender_key, country_code, -1 FROM old_people) AS changed
    GROUP BY 1, 2, 3, 4, 5 HAVING sum(n) <> 0;
    RETURN NULL;
END $$;
CREATE TRIGGER user_tally_in AFTER INSERT ON user_account
REFERENCING NEW TABLE AS new_people FOR EACH STATEMENT EXECUTE FUNCTION tally_people_in();
CREATE TRIGGER user_tally_out AFTER DELETE ON user_account
REFERENCING OLD TABLE AS old_people FOR EACH STATEMENT EXECUTE FUNCTION tally_people_out();
CREATE TRIGGER user_tally_changed AFTER UPDATE ON user_account
REFERENCING OLD TABLE AS old_people NEW TABLE AS new_people
FOR EACH STATEMENT EXECUTE FUNCTION tally_people_changed();

INSERT INTO user_tally (is_active, is_staff, is_superuser, gender_key, country_code, people)
SELECT is_active, is_staff, is_superuser, gender_key, coalesce(country_code, ''), count(*) FROM user_account GROUP BY 1, 2, 3, 4, 5;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
