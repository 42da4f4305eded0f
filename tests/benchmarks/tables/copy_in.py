"""Filling big tables fast: COPY without triggers, indexes afterwards, then VACUUM ANALYZE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import LiteralString

from core.store.connections.database import Connection, connect_lane
from tests.benchmarks.stack import Say

COPY_ROWS = 5_000
"""Rows sent at a time."""
SQL_INDEXES = """
SELECT format('ALTER TABLE %%I DROP CONSTRAINT %%I', c.conrelid::regclass, c.conname),
       format('ALTER TABLE %%I ADD CONSTRAINT %%I %%s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid))
FROM pg_constraint c WHERE c.contype = 'x' AND c.conrelid::regclass::text = ANY(%(tables)s)
UNION ALL
SELECT format('DROP INDEX %%I', i.indexname), i.indexdef
FROM pg_indexes i
WHERE i.tablename = ANY(%(tables)s) AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conname = i.indexname)
"""
"""How to drop and make again every index that is no primary or unique key."""
SQL_TALLIES = """
TRUNCATE booking_tally, booking_tally_change, user_tally, user_tally_change;
INSERT INTO booking_tally (local_date, listed_as, bookings)
SELECT local_date, listed_as, count(*) FROM booking WHERE listed_as IS NOT NULL GROUP BY 1, 2;
INSERT INTO user_tally (is_active, is_staff, is_superuser, gender_key, country_code, people)
SELECT is_active, is_staff, is_superuser, gender_key, coalesce(country_code, ''), count(*)
FROM user_account GROUP BY 1, 2, 3, 4, 5
"""
SQL_FOLDED = """
UPDATE user_account SET words = ' ' || folded(concat_ws(' ', username, first_name, last_name, coalesce(email, contact_email)))
WHERE words IS NULL;
UPDATE service SET name_folded = folded(name) WHERE name_folded IS NULL;
UPDATE category SET name_folded = folded(name) WHERE name_folded IS NULL;
UPDATE practitioner SET name_folded = folded(name) WHERE name_folded IS NULL
"""
"""As their migrations fill them: no trigger sees a COPY in replica mode."""


@contextmanager
def filling(database_url: str, say: Say, tables: Sequence[str], *, folded: bool = True) -> Iterator[Connection]:
    """A connection to copy through; afterwards the tables are as if they had filled by booking.

    Without `folded`, in a schema that does not keep folded names yet.
    """
    with connect_lane(database_url, "holdfast bench") as connection:
        for setting in ("statement_timeout = 0", "transaction_timeout = 0", "session_replication_role = replica"):
            connection.execute(f"SET {setting}".encode())
        connection.execute("SET maintenance_work_mem = '256MB'")
        made = connection.execute(SQL_INDEXES, {"tables": list(tables)}).fetchall()
        for drop, _ in made:
            connection.execute(drop.encode())
        yield connection
        say(f"building {len(made)} indexes")
        for _, make in made:
            connection.execute(make.encode())
        connection.execute(SQL_TALLIES)
        if folded:
            connection.execute(SQL_FOLDED)
        connection.execute("SELECT setval('booking_id_seq', (SELECT max(id) FROM booking))")
        connection.execute("SELECT setval(pg_get_serial_sequence('user_account', 'id'), max(id)) FROM user_account")
        say("vacuuming")
        connection.execute("VACUUM ANALYZE")


def copy(connection: Connection, statement: LiteralString, rows: Iterator[str]) -> None:
    with connection.cursor().copy(statement) as copying:
        while chunk := list(islice(rows, COPY_ROWS)):
            copying.write("\n".join(chunk) + "\n")
