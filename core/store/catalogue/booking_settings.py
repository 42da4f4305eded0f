"""The desk's hours and off days: one row, as staff keep it and as the rules of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from core.domain.resources.local_time import Hours
from core.domain.state import State
from core.domain.values import Resource, Rules
from core.store.connections.database import AsyncConnection, installed
from core.store.connections.pipeline import QueryPipeline
from core.store.connections.queries import fetch_one, find_one
from core.store.connections.round_trip import Rows
from core.store.reads.shared_reads import Found, Query

_COLUMNS = "working_hours_start, working_hours_end, duration_minutes, off_days, is_active, updated_at"
SQL_ONE = f"SELECT {_COLUMNS} FROM booking_settings"
SQL_LOCK = f"{SQL_ONE} FOR UPDATE"
SQL_UPDATE = f"""
UPDATE booking_settings SET working_hours_start = %(working_hours_start)s, working_hours_end = %(working_hours_end)s,
       duration_minutes = %(duration_minutes)s, off_days = %(off_days)s::smallint[], is_active = %(is_active)s,
       updated_at = clock_timestamp()
RETURNING {_COLUMNS}
"""
SQL_RULES = """
SELECT s.working_hours_start, s.working_hours_end, s.duration_minutes, s.off_days, s.is_active, r.id, r.kind, r.name, r.zone
FROM resource r LEFT JOIN booking_settings s ON true WHERE r.kind = 'desk'
"""


class BookingSettings(Struct, frozen=True):
    """Working hours are whole hours of the local day, 0 to 24; off days are weekdays, 0 is Monday."""

    working_hours_start: int
    working_hours_end: int
    duration_minutes: int
    off_days: list[int]
    is_active: bool
    updated_at: datetime


async def one(connection: AsyncConnection, *, locked: bool = False) -> BookingSettings:
    """Raises LookupError before the first migration."""
    row = await find_one(connection, SQL_LOCK if locked else SQL_ONE)
    return BookingSettings(*installed(row, "row of booking settings"))


def one_queries() -> Sequence[Query]:
    return ((SQL_ONE, ()),)


def one_found(found: Found) -> BookingSettings:
    """What `one_queries` found. Raises LookupError before the first migration."""
    return BookingSettings(*installed(next(iter(found.rows(0)), None), "row of booking settings"))


async def change(connection: AsyncConnection, after: BookingSettings) -> BookingSettings:
    """Update locked settings; `updated_at` becomes the present time."""
    return BookingSettings(*await fetch_one(connection, SQL_UPDATE, asdict(after)))


def ask_rules(pipeline: QueryPipeline, state: State) -> None:
    def store_rules(rows: Rows) -> None:
        state.rules, desk = rules_of(rows[0] if rows else None, allow_past=state.policy.allow_past)
        state.resources[desk.id] = desk

    pipeline.ask(SQL_RULES, None, store_rules)


def rules_of(row: tuple[Any, ...] | None, *, allow_past: bool) -> tuple[Rules | None, Resource]:
    """A row of `SQL_RULES`: the settings (None if there are none) and the desk they bind."""
    starts, ends, minutes, off_days, is_active, *desk = installed(row, "desk")
    resource = Resource(*desk)
    if starts is None:
        return None, resource
    hours = Hours(starts * 60, ends * 60, frozenset(off_days))
    return Rules(is_active, hours, minutes, allow_past, resource.id), resource
