"""Booked times as calendar files show them. A file of many is bounded in time and number."""

from __future__ import annotations

from core.calendars.booked_time import BookedTime
from core.calendars.subscriptions import ENTRIES_MAX, HeldLink, LinkKind, Window
from core.store.bookings.rows import lapsed
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_all_as, find_as

_PLACE = """CASE WHEN b.contract = 'rooms' THEN b.service_name
         ELSE concat_ws(', ', nullif(l.name, ''), nullif(l.address, '')) END"""
_COLUMNS = f"""b.public_uuid, b.version, b.status, b.starts_at, b.ends_at, b.created_at, b.updated_at, r.zone,
       b.service_name AS what, coalesce(b.details ->> 'title', '') AS title, {_PLACE} AS place,
       coalesce(nullif(btrim(u.first_name || ' ' || u.last_name), ''), u.username) AS person"""
_JOINED = """booking b JOIN resource r ON r.id = b.resource_id JOIN user_account u ON u.id = b.user_id
     LEFT JOIN marketplace_booking m ON m.booking_id = b.id LEFT JOIN location l ON l.id = m.location_id"""
_HAS_A_TIME = "(m.booking_id IS NULL OR m.starts_at IS NOT NULL)"
"""What was bought without a time has only that of its purchase."""
_NOTES = "b.notes, coalesce(b.details ->> 'meeting_url', '') AS meeting_url"
_NO_NOTES = "'' AS notes, coalesce(b.details ->> 'meeting_url', '') AS meeting_url"
"""A link may end up on a screen in a lobby: what clients write stays out of it."""

SQL_ONE = f"""
SELECT {_COLUMNS}, {_NOTES}, b.user_id = %(viewer)s AS is_own, {_HAS_A_TIME} AS has_a_time
FROM {_JOINED} LEFT JOIN practitioner p ON p.id = m.practitioner_id
WHERE b.id = %(id)s AND b.deleted_at IS NULL AND (b.user_id = %(viewer)s OR %(sees_all)s OR p.user_id = %(viewer)s)
"""

_SHOWN = f"""SELECT {_COLUMNS}, {_NO_NOTES} FROM {_JOINED}
WHERE b.deleted_at IS NULL AND b.status NOT IN ('draft', 'expired') AND NOT {lapsed("b")} AND {_HAS_A_TIME}"""
_IN_WINDOW = "b.ends_at > %(begins)s AND b.starts_at < %(ends)s"
_BOUNDED = f"ORDER BY starts_at, public_uuid LIMIT {ENTRIES_MAX}"
_OF_USER = f"{_SHOWN} AND {_IN_WINDOW} AND b.user_id = %(subject)s"
_OF_PRACTITIONER = f"""{_SHOWN} AND m.practitioner_id = %(subject)s AND m.session_id IS NULL
    AND m.ends_at > %(begins)s AND m.starts_at < %(ends)s"""
_SESSIONS = """
SELECT md5('session ' || s.id || ' ' || extract(epoch FROM s.created_at))::uuid AS public_uuid,
       greatest(0, extract(epoch FROM s.updated_at - s.created_at))::int AS version,
       CASE WHEN s.is_cancelled THEN 'cancelled' ELSE 'confirmed' END AS status,
       s.starts_at, s.ends_at, s.created_at, s.updated_at, r.zone, v.name AS what, s.title,
       concat_ws(', ', nullif(l.name, ''), nullif(l.address, '')) AS place, '' AS person, '' AS notes, s.meeting_url
FROM service_session s JOIN service v ON v.id = s.service_id JOIN practitioner p ON p.id = s.practitioner_id
     JOIN resource r ON r.id = p.resource_id LEFT JOIN location l ON l.id = s.location_id
WHERE s.practitioner_id = %(subject)s AND s.ends_at > %(begins)s AND s.starts_at < %(ends)s"""
"""One entry for a session, however many seats of it are booked."""


def _of_resource(resource: str, only: str = "true") -> str:
    """What takes a resource's time, by its claims, and what has been over for some days, by its day."""
    return f"""
{_SHOWN} AND {_IN_WINDOW} AND {only} AND b.id IN (
    SELECT c.booking_id FROM claim c
    WHERE c.resource_id = {resource} AND c.booking_id IS NOT NULL AND c.during && tstzrange(%(begins)s, %(ends)s))
UNION ALL
{_SHOWN} AND {_IN_WINDOW} AND {only} AND b.listed_as = 'completed' AND b.local_date >= %(first_day)s
    AND b.local_date <= %(last_day)s AND b.resource_id = {resource}"""


_ROOM = _of_resource("(SELECT resource_id FROM room WHERE id = %(subject)s)")
_DESK = _of_resource("(SELECT id FROM resource WHERE kind = 'desk')")
_CATEGORY = _of_resource(
    "(SELECT resource_id FROM category WHERE id = %(subject)s)", only="b.category_id = %(subject)s"
)
SQL_OF_LINK = {
    LinkKind.USER: f"{_OF_USER} {_BOUNDED}",
    LinkKind.PRACTITIONER: f"{_OF_PRACTITIONER} UNION ALL {_SESSIONS} {_BOUNDED}",
    LinkKind.ROOM: f"{_ROOM} {_BOUNDED}",
    LinkKind.DESK: f"{_DESK} {_BOUNDED}",
    LinkKind.CATEGORY: f"{_CATEGORY} {_BOUNDED}",
}


class SeenBooking(BookedTime, frozen=True):
    """One booking as somebody may see it."""

    is_own: bool
    has_a_time: bool


async def find_seen(
    connection: AsyncConnection, booking_id: int, viewer_id: int | None, *, sees_all: bool
) -> SeenBooking | None:
    """A booking of the viewer's, as client or practitioner, or any that there is."""
    return await find_as(
        connection, SeenBooking, SQL_ONE, {"id": booking_id, "viewer": viewer_id, "sees_all": sees_all}
    )


async def booked_times(connection: AsyncConnection, link: HeldLink, window: Window) -> list[BookedTime]:
    """In the order of their starts, `ENTRIES_MAX` at most."""
    values = {
        "subject": link.subject_id,
        "begins": window.begins,
        "ends": window.ends,
        "first_day": window.first_day,
        "last_day": window.last_day_over,
    }
    return await fetch_all_as(connection, BookedTime, SQL_OF_LINK[link.kind], values)
