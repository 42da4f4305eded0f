"""What a list of free times depends on: queries for one snapshot, and what was found as values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from struct import Struct as Layout

from msgspec import Struct

from core.domain.names import folded
from core.domain.resources.free_slots import Taken
from core.domain.resources.local_time import SpanUs, since_1970_us
from core.domain.values import Claim, Resource, Room, Rules, Service
from core.store.bookings.rows import lapsed
from core.store.catalogue.booking_settings import SQL_RULES, rules_of
from core.store.catalogue.rooms import SQL_BOOKABLE, room_of
from core.store.catalogue.services import SQL_BY_NAME, service_of
from core.store.reads.shared_reads import Found, Query
from core.store.sql.parameters import array_of, texts_of

ANY_ZONE = timedelta(hours=16)
"""Further than any zone's clocks have ever been from UTC."""


def sql_holds_time(booking_id: str) -> str:
    """SQL: the booking of a claim has not lapsed, so its claim is in the way; `decide` would expire one that has.

    At most moments no hold of all has lapsed, and no claim's booking is looked up.
    """
    return f"""
(NOT (SELECT EXISTS (SELECT FROM booking WHERE {lapsed("booking", "now()")}))
 OR NOT EXISTS (SELECT FROM booking b WHERE b.id = {booking_id} AND {lapsed("b")}))
"""


_OF_SERVICE = """
SELECT coalesce(
    (SELECT resource_id FROM service WHERE name_folded = %s AND is_named ORDER BY is_active DESC, id LIMIT 1),
    (SELECT id FROM resource WHERE kind = 'desk')) AS resource_id
"""
"""Of several with the same name the one that `SQL_BY_NAME` has last; the desk for a name that no service has."""
_OF_ROOM = "SELECT resource_id FROM room WHERE id = %s"
_WANTED = "WITH wanted AS MATERIALIZED ({}), w AS (SELECT resource_id, tstzrange(%s, %s) AS during FROM wanted)"
_CLAIMED = f"""
FROM w JOIN claim c ON c.resource_id = w.resource_id AND c.during && w.during
WHERE c.closure_id IS NULL AND {sql_holds_time("c.booking_id")}
"""
"""A closure counts as a whole, not by its claims."""
_CLOSED = "FROM w JOIN closure c ON c.resource_id = w.resource_id AND c.during && w.during"


def _sql_taken(resource: str) -> str:
    """What is in the way of a booking of the resource that a query selects."""
    return f"""
{_WANTED.format(resource)}
SELECT c.resource_id, lower(c.during), upper(c.during), c.booking_id, NULL::bigint {_CLAIMED}
UNION ALL
SELECT c.resource_id, lower(c.during), upper(c.during), NULL, c.id {_CLOSED}
"""


SQL_TAKEN_OF_SERVICE = _sql_taken(_OF_SERVICE)
SQL_TAKEN_OF_ROOM = _sql_taken(_OF_ROOM)
SQL_MONTH = f"""
{_WANTED.format(_OF_SERVICE)}
SELECT string_agg(range_send(c.during), '') FILTER (WHERE c.booking_id IS NOT NULL),
       string_agg(range_send(c.during), '') FILTER (WHERE c.booking_id IS NULL),
       (SELECT string_agg(range_send(c.during), '') {_CLOSED})
{_CLAIMED}
"""
"""Hundreds of times in three values: those of bookings, of sessions and of closures."""
_RANGE = Layout(">xiqiq")
"""As PostgreSQL sends a range: its bounds' kinds, and the length and microseconds since 2000 of each bound."""
_SINCE_2000_US = since_1970_us(datetime(2000, 1, 1, tzinfo=UTC))


class DayAvailability(Struct, frozen=True):
    """A day of one resource: its rules, what is taken, and the database's clock."""

    rules: Rules | None
    resource: Resource
    service: Service | None
    claims: list[Claim]
    """More than those of the day: whatever may lie in it, in any time zone."""
    now: datetime

    @property
    def minutes(self) -> int:
        return slot_minutes(self.rules, self.service)


class MonthAvailability(Struct, frozen=True):
    """Some days of one resource, many of which are taken."""

    rules: Rules | None
    resource: Resource
    service: Service | None
    taken: Taken

    @property
    def minutes(self) -> int:
        return slot_minutes(self.rules, self.service)


class RoomAvailability(Struct, frozen=True):
    """A day of a room, if it can be booked at all."""

    room: Room
    resource: Resource
    claims: list[Claim]


def slot_minutes(rules: Rules | None, service: Service | None) -> int:
    """How long a slot is. 0 where there are no rules, and so no slots."""
    own = service.duration_minutes if service else None
    return own or (rules.duration_minutes if rules else 0)


def service_queries(service_name: str | None) -> tuple[Query, Query]:
    """The desk's rules, and the service of this name."""
    names = [folded(service_name)] if service_name else []
    return (SQL_RULES, ()), (SQL_BY_NAME, (texts_of(names),))


def day_queries(service_name: str | None, day: date) -> Sequence[Query]:
    """For a local day that a service (or the desk) would be booked on, wherever it is."""
    return *service_queries(service_name), (SQL_TAKEN_OF_SERVICE, (_key(service_name), *around(day, day)))


def day_availability(found: Found, *, allow_past: bool) -> DayAvailability:
    """What `day_queries` found."""
    rules, resource, service = bookable(found, allow_past=allow_past)
    return DayAvailability(rules, resource, service, [Claim(*row) for row in found.rows(2)], found.now)


def month_queries(service_name: str | None, first: date, last: date) -> Sequence[Query]:
    """The same for several days."""
    return *service_queries(service_name), (SQL_MONTH, (_key(service_name), *around(first, last)))


def month_availability(found: Found, *, allow_past: bool) -> MonthAvailability:
    """What `month_queries` found."""
    rules, resource, service = bookable(found, allow_past=allow_past)
    ((bookings, sessions, closures),) = found.rows(2)
    return MonthAvailability(rules, resource, service, Taken(_spans(bookings), _spans(sessions), _spans(closures)))


def _key(service_name: str | None) -> str | None:
    return folded(service_name) if service_name else None


def _spans(ranges: bytes | None) -> list[SpanUs]:
    """In order; none of one kind overlap."""
    found = _RANGE.iter_unpack(ranges or b"")
    return sorted((starts + _SINCE_2000_US, ends + _SINCE_2000_US) for _, starts, _, ends in found)


def bookable(found: Found, *, allow_past: bool) -> tuple[Rules | None, Resource, Service | None]:
    """What `service_queries` found. A service brings its own resource."""
    rules, desk = rules_of(next(iter(found.rows(0)), None), allow_past=allow_past)
    rows = found.rows(1)
    if not rows:
        return rules, desk, None
    _, service, resource = service_of(rows[-1])
    return rules, resource, service


def room_queries(room_id: int, day: date) -> Sequence[Query]:
    return (SQL_BOOKABLE, (array_of([room_id]),)), (SQL_TAKEN_OF_ROOM, (room_id, *around(day, day)))


def room_availability(found: Found) -> RoomAvailability | None:
    """What `room_queries` found; None if there is no such room."""
    rows = found.rows(0)
    if not rows:
        return None
    room, resource = room_of(rows[0])
    return RoomAvailability(room, resource, [Claim(*row) for row in found.rows(1)])


def around(first: date, last: date) -> tuple[datetime, datetime]:
    """Everything that may be these days somewhere: PostgreSQL is not asked what a zone's day is, and which zone it
    will be is not known before the answer.
    """
    begins, ends = (datetime.combine(day, time.min, UTC) for day in (first, last))
    return begins - ANY_ZONE, ends + timedelta(days=1) + ANY_ZONE
