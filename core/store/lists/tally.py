"""How many bookings there are, by local day and word: read exactly, whatever the size of the table.

The triggers of migration 0005 append each statement's changes; the sweep folds them into the
tally. The view `booking_count` has both, so a reader's sum is exact in its own snapshot.
"""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from core.domain.resources.local_time import local
from core.store.connections.database import AsyncConnection, Connection
from core.store.connections.queries import fetch_one

FOLD_ROWS = 50_000
"""Changes folded in by one transaction."""

SQL_FOLD = f"""
WITH taken AS (
    DELETE FROM booking_tally_change WHERE id IN (
        SELECT id FROM booking_tally_change ORDER BY id LIMIT {FOLD_ROWS} FOR UPDATE SKIP LOCKED)
    RETURNING local_date, listed_as, bookings
)
INSERT INTO booking_tally AS t (local_date, listed_as, bookings)
SELECT local_date, listed_as, sum(bookings) FROM taken GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (local_date, listed_as) DO UPDATE SET bookings = t.bookings + excluded.bookings
"""
"""Two sweeps at once take different changes, and days in the same order."""

SQL_NOW = "SELECT clock_timestamp(), zone FROM resource WHERE kind = 'desk'"
SQL_STATS = """
SELECT coalesce(sum(bookings), 0)::bigint,
       coalesce(sum(bookings) FILTER (WHERE listed_as = 'upcoming'), 0)::bigint,
       coalesce(sum(bookings) FILTER (WHERE listed_as = 'completed'), 0)::bigint,
       coalesce(sum(bookings) FILTER (WHERE listed_as = 'cancelled'), 0)::bigint,
       coalesce(sum(bookings) FILTER (WHERE local_date = %(today)s), 0)::bigint,
       coalesce(sum(bookings) FILTER (WHERE local_date >= %(monday)s AND local_date < %(next_monday)s), 0)::bigint,
       coalesce(sum(bookings) FILTER (WHERE local_date >= %(first)s AND local_date < %(next_first)s), 0)::bigint
FROM booking_count
"""


class Stats(Struct, frozen=True):
    """Bookings by status, and by the days that they are for."""

    total_bookings: int
    upcoming_bookings: int
    completed_bookings: int
    cancelled_bookings: int
    today_bookings: int
    week_bookings: int
    """Monday to Sunday."""
    month_bookings: int


def fold(connection: Connection) -> int:
    """Fold what was appended since the last time; how many days' sums changed."""
    return connection.execute(SQL_FOLD).rowcount


async def stats(connection: AsyncConnection) -> Stats:
    """As of now; "today" is the desk's."""
    today = local(*await fetch_one(connection, SQL_NOW)).date()
    monday, first = today - timedelta(days=today.weekday()), today.replace(day=1)
    days = {
        "today": today,
        "monday": monday,
        "next_monday": monday + timedelta(days=7),
        "first": first,
        "next_first": (first + timedelta(days=31)).replace(day=1),
    }
    return Stats(*await fetch_one(connection, SQL_STATS, days))
