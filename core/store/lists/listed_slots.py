"""Time slots as everybody sees them, in a shared round trip. Staff, who see who has them, read `lists.calendar`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import cache, lru_cache

from msgspec import Struct

from core.domain.resources.local_time import day_bounds
from core.store.feed import SQL_HEAD, Position
from core.store.free_slots import sql_holds_time
from core.store.lists.calendar import SlotFilter
from core.store.reads.shared_reads import Found, Query
from core.store.sql.local_days import SQL_ZONES
from core.store.sql.parameters import TEXTS, json_of, texts_of

QUICK_OFFSET_MAX = 1_000
"""Rows that a list in a shared round trip may pass over."""
QUICK_DAYS_MAX = 62
"""In which it may look for free slots: all others may be taken."""
DAYS_KEPT = 1_024

_EVER = ("-infinity", "infinity")
_ZONES = "json_to_recordset(%s::json) AS z (zone text, begins timestamptz, ends timestamptz)"
_ITS_OWN = "o.time_slot_id = s.id AND o.deleted_at IS NULL AND o.status NOT IN ('cancelled', 'expired')"
_RESOURCE_TAKEN = f"""
EXISTS (SELECT FROM claim k WHERE k.resource_id = c.resource_id AND k.during && tstzrange(s.starts_at, s.ends_at)
                              AND {sql_holds_time("k.booking_id")})
"""
_FREE = f"AND NOT {_RESOURCE_TAKEN} AND NOT EXISTS (SELECT FROM booking o WHERE {_ITS_OWN})"
_AHEAD = "AND s.starts_at > clock_timestamp()"
_OF_CATEGORIES = f"""
SELECT n.id, n.starts_at
FROM category c JOIN resource r ON r.id = c.resource_id JOIN {_ZONES} ON z.zone = r.zone CROSS JOIN LATERAL (
    SELECT s.id, s.starts_at FROM time_slot s
    WHERE s.category_id = c.id AND s.deleted_at IS NULL AND s.starts_at >= z.begins AND s.starts_at < z.ends {{also}}
    ORDER BY s.starts_at, s.id LIMIT %s) AS n
WHERE c.name_folded = ANY({TEXTS}) ORDER BY n.starts_at, n.id LIMIT %s OFFSET %s
"""
"""Each category by the index that has its slots in order."""
_OF_ALL = f"""
SELECT s.id, s.starts_at
FROM time_slot s JOIN category c ON c.id = s.category_id JOIN resource r ON r.id = c.resource_id JOIN {_ZONES} ON z.zone = r.zone
WHERE s.deleted_at IS NULL AND s.starts_at >= %s AND s.starts_at < %s AND s.starts_at >= z.begins AND s.starts_at < z.ends {{also}}
ORDER BY s.starts_at, s.id LIMIT %s OFFSET %s
"""
"""All categories by the index that has all slots in order."""


class SlotSeen(Struct, frozen=True):
    id: int
    category_id: int
    category_name: str
    starts_at: datetime
    ends_at: datetime
    holder_id: int | None
    """Who has it; not for others to know."""
    is_resource_taken: bool

    @property
    def is_taken(self) -> bool:
        """By its own booking, also one that is over, or because its resource is."""
        return self.holder_id is not None or self.is_resource_taken


class SlotListRead(Struct, frozen=True):
    """The question, by what makes it equal to others."""

    limit: int
    offset: int
    first: date | None
    last: date | None
    categories: tuple[str, ...] | None
    free: bool
    ahead: bool
    zones: tuple[str, ...]
    """Those that resources are in. If `zones_found` says others, it must be asked again, with those."""

    def queries(self) -> Sequence[Query]:
        """The list; then what is not of it: the zones, and the feed's position."""
        return self._list(), (SQL_ZONES, ()), (SQL_HEAD, ())

    def _list(self) -> Query:
        days, page = _days(self.zones, self.first, self.last), (self.limit + 1, self.offset)
        if self.categories is None:
            return _sql(_OF_ALL, free=self.free, ahead=self.ahead), (days.by_zone, *days.outermost, *page)
        most = self.limit + 1 + self.offset
        values = (days.by_zone, most, texts_of(self.categories), *page)
        return _sql(_OF_CATEGORIES, free=self.free, ahead=self.ahead), values


def is_quick(wanted: SlotFilter) -> bool:
    """Whether the list reads no more than a page or two, whatever there is."""
    if wanted.offset > QUICK_OFFSET_MAX:
        return False
    if wanted.taken is None:
        return True
    return wanted.first is not None and wanted.last is not None and (wanted.last - wanted.first).days <= QUICK_DAYS_MAX


def slot_list_read(wanted: SlotFilter, zones: tuple[str, ...]) -> SlotListRead:
    categories = None if wanted.categories is None else tuple(sorted(set(wanted.categories)))
    return SlotListRead(
        limit=wanted.limit,
        offset=wanted.offset,
        first=wanted.first,
        last=wanted.last,
        categories=categories,
        free=wanted.taken is False,
        ahead=wanted.after,
        zones=zones,
    )


def slots_seen(found: Found, limit: int) -> list[SlotSeen]:
    """One page. The list has one more if there are others beyond it."""
    return [SlotSeen(*row) for row in found.rows(0)[:limit]]


def zones_found(found: Found) -> tuple[str, ...]:
    """Which zones resources were in, at the moment of the list."""
    return tuple([row[0] for row in found.rows(1)])


def position_found(found: Found) -> Position:
    """Where the feed was at the moment of the list."""
    return Position(*found.rows(2)[0])


class _Days(Struct, frozen=True):
    by_zone: str
    outermost: tuple[str, str]


@lru_cache(maxsize=DAYS_KEPT)
def _days(zones: tuple[str, ...], first: date | None, last: date | None) -> _Days:
    """When the first day begins and the last one ends in each zone; None is open."""
    begins = [_EVER[0] if first is None else day_bounds(first, zone)[0].isoformat() for zone in zones]
    ends = [_EVER[1] if last is None else day_bounds(last, zone)[1].isoformat() for zone in zones]
    rows = [{"zone": zone, "begins": one, "ends": other} for zone, one, other in zip(zones, begins, ends, strict=True)]
    return _Days(json_of(rows), (min(begins, default=_EVER[0]), max(ends, default=_EVER[1])))


@lru_cache
@cache
def _sql(chosen: str, *, free: bool, ahead: bool) -> str:
    also = " ".join([_FREE] * free + [_AHEAD] * ahead)
    return f"""
WITH chosen AS MATERIALIZED ({chosen.format(also=also)})
SELECT s.id, c.id, c.name, s.starts_at, s.ends_at, own.user_id, {_RESOURCE_TAKEN}
FROM chosen JOIN time_slot s ON s.id = chosen.id JOIN category c ON c.id = s.category_id
LEFT JOIN LATERAL (SELECT o.user_id FROM booking o WHERE {_ITS_OWN} LIMIT 1) AS own ON true
ORDER BY s.starts_at, s.id
"""
