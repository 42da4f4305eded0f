"""Lists and summaries of bookings: the word each is listed under, its indexes, and a tally by day.

The tally is kept outside the lanes' way: a statement that writes bookings appends what it changed,
a sweep folds it in, and whoever reads adds up both. No two writers ever update the same row.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"

STATEMENTS = """
ALTER TABLE booking ADD COLUMN listed_as text GENERATED ALWAYS AS (CASE
    WHEN deleted_at IS NOT NULL OR status = 'draft' THEN NULL
    WHEN status IN ('held', 'confirmed', 'in_progress') THEN 'upcoming'
    WHEN status = 'completed' THEN 'completed'
    ELSE 'cancelled' END) STORED,
    ADD COLUMN category_id bigint GENERATED ALWAYS AS ((details ->> 'category_id')::bigint) STORED;
COMMENT ON COLUMN booking.category_id IS 'of the time slot that it was made for';
COMMENT ON COLUMN booking.listed_as IS 'the appointments word; NULL for what no list shows: drafts and deleted ones';

-- A list reads one ordered range for each word it asks for and merges them; the list of all reads one.
CREATE INDEX booking_shown ON booking (id) WHERE listed_as IS NOT NULL;
DROP INDEX booking_by_date;
CREATE INDEX booking_listed ON booking (listed_as, id) WHERE listed_as IS NOT NULL;
CREATE INDEX booking_listed_by_time ON booking (listed_as, local_date, local_time, id) WHERE listed_as IS NOT NULL;
CREATE INDEX booking_listed_by_service ON booking (lower(service_name), listed_as, id) WHERE listed_as IS NOT NULL;
DROP INDEX booking_by_user;
CREATE INDEX booking_by_user ON booking (user_id, listed_as, id);
CREATE INDEX booking_listed_by_category ON booking (category_id, listed_as, id) WHERE category_id IS NOT NULL;

CREATE TABLE booking_tally (
    local_date date NOT NULL,
    listed_as text NOT NULL,
    bookings bigint NOT NULL,
    PRIMARY KEY (local_date, listed_as)
);
CREATE TABLE booking_tally_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    local_date date NOT NULL,
    listed_as text NOT NULL,
    bookings bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000);
CREATE VIEW booking_count AS
SELECT local_date, listed_as, bookings FROM booking_tally
UNION ALL
SELECT local_date, listed_as, bookings FROM booking_tally_change;
COMMENT ON VIEW booking_count IS 'add up: bookings by local day and word, as of the reader''s snapshot';

CREATE FUNCTION tally_bookings_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO booking_tally_change (local_date, listed_as, bookings)
    SELECT local_date, listed_as, count(*) FROM new_bookings WHERE listed_as IS NOT NULL GROUP BY 1, 2;
    RETURN NULL;
END $$;
CREATE FUNCTION tally_bookings_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO booking_tally_change (local_date, listed_as, bookings)
    SELECT local_date, listed_as, -count(*) FROM old_bookings WHERE listed_as IS NOT NULL GROUP BY 1, 2;
    RETURN NULL;
END $$;
CREATE FUNCTION tally_bookings_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO booking_tally_change (local_date, listed_as, bookings)
    SELECT local_date, listed_as, sum(n) FROM (
        SELECT local_date, listed_as, 1 AS n FROM new_bookings
        UNION ALL SELECT local_date, listed_as, -1 FROM old_bookings) AS moved
    WHERE listed_as IS NOT NULL GROUP BY 1, 2 HAVING sum(n) <> 0;
    RETURN NULL;
END $$;
CREATE TRIGGER booking_tally_in AFTER INSERT ON booking
REFERENCING NEW TABLE AS new_bookings FOR EACH STATEMENT EXECUTE FUNCTION tally_bookings_in();
CREATE TRIGGER booking_tally_out AFTER DELETE ON booking
REFERENCING OLD TABLE AS old_bookings FOR EACH STATEMENT EXECUTE FUNCTION tally_bookings_out();
CREATE TRIGGER booking_tally_moved AFTER UPDATE ON booking
REFERENCING OLD TABLE AS old_bookings NEW TABLE AS new_bookings
FOR EACH STATEMENT EXECUTE FUNCTION tally_bookings_moved();

INSERT INTO booking_tally (local_date, listed_as, bookings)
SELECT local_date, listed_as, count(*) FROM booking WHERE listed_as IS NOT NULL GROUP BY 1, 2;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
