"""Times that are taken, as everybody may read them: neither people nor reasons."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time

from msgspec import Struct

from core.domain.names import folded
from core.store.lists.pages import COUNT_EXACT_TO, Page, Total, count_to_limit
from core.store.reads.shared_reads import Found, Query

UPCOMING = "upcoming"
QUICK_OFFSET_MAX = 1_000
"""Rows that a list in a shared round trip may pass over."""


class ReservedFilter(Struct, frozen=True):
    word: str
    """Of `tables.booking.listed_as`."""
    day: date | None = None
    service: str | None = None
    """By name, however it is written."""


class ReservedTime(Struct, frozen=True):
    service_name: str
    day: date
    at: time
    minutes: int


def is_quick(wanted: ReservedFilter, offset: int) -> bool:
    """Whether an index has the page in order, not far from its beginning. Of a service it has the upcoming times, which
    are what people ask for.
    """
    return offset <= QUICK_OFFSET_MAX and (wanted.service is None or wanted.word == UPCOMING)


def reserved_queries(wanted: ReservedFilter, limit: int, offset: int) -> Sequence[Query]:
    """One page by date and time, and how many there are. Of a filter that is quick."""
    conditions, values = _conditions(wanted)
    rows = f"""
SELECT service_name, local_date, local_time, duration_minutes FROM booking WHERE {conditions}
ORDER BY local_date, local_time, id LIMIT %s OFFSET %s
"""
    if wanted.service is not None:
        return (rows, (*values, limit, offset)), (count_to_limit(f"booking WHERE {conditions}"), values)
    total = f"SELECT coalesce(sum(bookings), 0)::bigint FROM booking_count WHERE {conditions}"
    return (rows, (*values, limit, offset)), (total, values)


def reserved_page(found: Found, wanted: ReservedFilter) -> Page[ReservedTime]:
    """What `reserved_queries` found."""
    ((total,),) = found.rows(1)
    exact = wanted.service is None or total <= COUNT_EXACT_TO
    return Page([ReservedTime(*row) for row in found.rows(0)], Total(total if exact else COUNT_EXACT_TO, exact))


def _conditions(wanted: ReservedFilter) -> tuple[str, tuple[date | str, ...]]:
    """The word stands in the text, for the index of upcoming times to be used: there are three of them."""
    conditions = [f"listed_as = '{wanted.word}'"]
    values: list[date | str] = []
    if wanted.day is not None:
        conditions.append("local_date = %s")
        values.append(wanted.day)
    if wanted.service is not None:
        conditions.append("folded(service_name) = %s")
        values.append(folded(wanted.service))
    return " AND ".join(conditions), tuple(values)
