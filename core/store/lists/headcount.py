"""How many people there are, by what lists filter by: read exactly, whatever the size of the table.

The triggers of migration 0010 append each statement's changes; the sweep folds them into the
tally. The view `user_count` has both, so a reader's sum is exact in its own snapshot.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from core.domain.resources.local_time import day_bounds, local
from core.store.connections.database import AsyncConnection, Connection, database_now_async
from core.store.connections.queries import fetch_all, fetch_one
from core.store.lists.pages import COUNT_EXACT_TO

FOLD_ROWS = 50_000
"""Changes folded in by one transaction."""

_GROUP = "is_active, is_staff, is_superuser, gender_key, country_code"
SQL_FOLD = f"""
WITH taken AS (
    DELETE FROM user_tally_change WHERE id IN (
        SELECT id FROM user_tally_change ORDER BY id LIMIT {FOLD_ROWS} FOR UPDATE SKIP LOCKED)
    RETURNING {_GROUP}, people
)
INSERT INTO user_tally AS t ({_GROUP}, people)
SELECT {_GROUP}, sum(people) FROM taken GROUP BY {_GROUP} ORDER BY {_GROUP}
ON CONFLICT ({_GROUP}) DO UPDATE SET people = t.people + excluded.people
"""
"""Two sweeps at once take different changes, and groups in the same order."""


def _joined_since(began: str) -> str:
    """How many joined since then; no further than one beyond the limit."""
    counted = f"SELECT FROM user_account WHERE date_joined >= %({began})s LIMIT {COUNT_EXACT_TO + 1}"
    return f"(SELECT count(*) FROM ({counted}) AS joined)"


SQL_STATS = f"""
SELECT coalesce(sum(people), 0)::bigint AS total_users,
       coalesce(sum(people) FILTER (WHERE is_active), 0)::bigint AS active_users,
       coalesce(sum(people) FILTER (WHERE NOT is_active), 0)::bigint AS inactive_users,
       coalesce(sum(people) FILTER (WHERE is_staff), 0)::bigint AS staff_users,
       coalesce(sum(people) FILTER (WHERE is_superuser), 0)::bigint AS superusers,
       coalesce(sum(people) FILTER (WHERE gender_key = 'male'), 0)::bigint AS male_users,
       coalesce(sum(people) FILTER (WHERE gender_key = 'female'), 0)::bigint AS female_users,
       {_joined_since("day")} AS today_users,
       {_joined_since("week")} AS week_users,
       {_joined_since("month")} AS month_users
FROM user_count
"""
SQL_COUNTRIES = """
SELECT country_code, sum(people)::bigint FROM user_count WHERE country_code <> ''
GROUP BY country_code HAVING sum(people) > 0 ORDER BY sum(people) DESC, country_code
"""


class UserStats(Struct, frozen=True):
    total_users: int
    active_users: int
    inactive_users: int
    staff_users: int
    superusers: int
    male_users: int
    female_users: int
    today_users: int
    """Joined today; this one and the next two are counted up to `COUNT_EXACT_TO` and then one more."""
    week_users: int
    """Since Monday."""
    month_users: int


def fold(connection: Connection) -> int:
    """Fold what was appended since the last time; how many groups' sums changed."""
    return connection.execute(SQL_FOLD).rowcount


async def stats(connection: AsyncConnection, zone: str) -> UserStats:
    """As of now; days are those of `zone`."""
    now = await database_now_async(connection)
    return UserStats(*await fetch_one(connection, SQL_STATS, begun(now, zone)))


def begun(now: datetime, zone: str) -> dict[str, datetime]:
    """When the local day, week (Monday) and month began."""
    today = local(now, zone).date()
    first = {"day": today, "week": today - timedelta(days=today.weekday()), "month": today.replace(day=1)}
    return {span: day_bounds(day, zone)[0] for span, day in first.items()}


async def countries(connection: AsyncConnection) -> list[tuple[str, int]]:
    """(ISO code, people), the most frequent first."""
    return [(code, people) for code, people in await fetch_all(connection, SQL_COUNTRIES)]
