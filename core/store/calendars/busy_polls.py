"""Calendars whose busy times close a resource, as the worker has them: which are due, and what was read of them.

A calendar is leased while it is fetched. A lease that ran out belongs to a worker that died: it is fetched again. What
was read is written in one transaction, so that nothing is half known.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from core.domain.resources.local_time import Span
from core.store.connections.database import Connection
from core.store.sql.parameters import json_of

LEASE_S = 180.0
"""Longer than a fetch and a reading take at worst."""
WHOLE_EVERY_H = 12
"""A file is read whole so often even where it has not changed: the window that its recurrences are expanded over moves on."""

SQL_ANY_DUE = """
SELECT EXISTS (SELECT FROM busy_calendar WHERE fetch_at <= clock_timestamp())
    OR EXISTS (SELECT FROM busy_calendar WHERE sync_at <= clock_timestamp())
"""
SQL_ANY = "SELECT EXISTS (SELECT FROM busy_calendar)"
SQL_LEASE = f"""
UPDATE busy_calendar b
SET lease = gen_random_uuid(), tried_at = clock_timestamp(),
    fetch_at = clock_timestamp() + interval '{LEASE_S} seconds'
FROM resource r, clock_timestamp() AS now
WHERE r.id = b.resource_id AND b.id IN (
    SELECT id FROM busy_calendar WHERE fetch_at <= clock_timestamp() ORDER BY fetch_at LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING b.id, b.lease, b.resource_id, r.zone, b.sealed_url, b.failures, b.failing_since,
          CASE WHEN b.read_at > now - interval '{WHOLE_EVERY_H} hours' THEN b.etag END,
          CASE WHEN b.read_at > now - interval '{WHOLE_EVERY_H} hours' THEN b.last_modified END, now
"""
_ANSWERED = """lease = NULL, fetched_at = clock_timestamp(), failures = 0, failing_since = NULL, answer = %(answer)s,
    fetch_at = clock_timestamp() + make_interval(secs => %(next_s)s), sync_at = clock_timestamp(), left_to_do = 0"""
_MINE = "WHERE id = %(id)s AND lease = %(lease)s"
SQL_READ = f"""
UPDATE busy_calendar SET {_ANSWERED}, read_at = clock_timestamp(), etag = %(etag)s, last_modified = %(last_modified)s
{_MINE}
"""
SQL_UNCHANGED = f"UPDATE busy_calendar SET {_ANSWERED} {_MINE}"
SQL_FAILED = f"""
UPDATE busy_calendar
SET lease = NULL, failures = failures + 1, failing_since = coalesce(failing_since, clock_timestamp()),
    answer = %(answer)s, fetch_at = clock_timestamp() + make_interval(secs => %(next_s)s)
{_MINE}
"""
SQL_LET_GO = """
UPDATE busy_calendar SET read_at = NULL, etag = NULL, last_modified = NULL, sync_at = clock_timestamp(), left_to_do = 0
WHERE id = %(id)s AND read_at IS NOT NULL AND failing_since < clock_timestamp() - make_interval(secs => %(kept_s)s)
"""
SQL_END = f"UPDATE busy_calendar SET lease = NULL, fetch_at = NULL, sync_at = clock_timestamp() {_MINE}"
SQL_FORGET_TIMES = "DELETE FROM busy_time WHERE calendar_id = %(id)s"
SQL_KEEP_TIMES = """
INSERT INTO busy_time (calendar_id, starts_at, ends_at)
SELECT %(id)s, starts_at, ends_at FROM json_to_recordset(%(times)s::json) AS t (starts_at timestamptz, ends_at timestamptz)
"""
SQL_OURS = """
SELECT public_uuid FROM booking WHERE public_uuid = ANY(%(uids)s::uuid[])
UNION ALL
SELECT md5('session ' || s.id || ' ' || extract(epoch FROM s.created_at))::uuid
FROM service_session s JOIN practitioner p ON p.id = s.practitioner_id WHERE p.resource_id = %(resource)s
"""
"""Sessions have the uuid that `shown_bookings` gives them."""


class DueCalendar(Struct, frozen=True):
    """A calendar that is due, leased to one worker."""

    id: int
    lease: UUID
    resource_id: int
    zone: str
    sealed_url: str
    """Empty: it is followed no more."""
    failures: int
    failing_since: datetime | None
    etag: str | None
    last_modified: str | None
    now: datetime


class ReadCalendar(Struct, frozen=True):
    """A whole file, as it is kept."""

    times: Sequence[Span]
    answer: str
    etag: str | None
    last_modified: str | None


class _Time(Struct, frozen=True):
    starts_at: datetime
    ends_at: datetime


def any_due(connection: Connection) -> bool:
    """Whether a calendar is to be fetched, or its closures are to be brought in line."""
    row = connection.execute(SQL_ANY_DUE).fetchone()
    return bool(row and row[0])


def any_calendar(connection: Connection) -> bool:
    row = connection.execute(SQL_ANY).fetchone()
    return bool(row and row[0])


def lease_due(connection: Connection, most: int) -> list[DueCalendar]:
    """Those that are due, the longest first; nobody else has them until their lease ends."""
    if most <= 0:
        return []
    return [DueCalendar(*row) for row in connection.execute(SQL_LEASE.encode(), (most,)).fetchall()]


def ours_among(connection: Connection, resource_id: int, uids: Collection[UUID]) -> set[UUID]:
    """UIDs of bookings, and of the resource's sessions: they came from here."""
    if not uids:
        return set()
    found = connection.execute(SQL_OURS, {"uids": list(uids), "resource": resource_id}).fetchall()
    return {row[0] for row in found}.intersection(uids)


def note_read(connection: Connection, due: DueCalendar, read: ReadCalendar, next_s: float) -> bool:
    """Keep what a file says instead of what it said before; False if somebody else has the calendar by now."""
    values = {**_of(due, read.answer, next_s), "etag": read.etag, "last_modified": read.last_modified}
    with connection.transaction():
        if not connection.execute(SQL_READ.encode(), values).rowcount:
            return False
        connection.execute(SQL_FORGET_TIMES, {"id": due.id})
        times = json_of([_Time(*span) for span in read.times])
        connection.execute(SQL_KEEP_TIMES, {"id": due.id, "times": times})
    return True


def note_unchanged(connection: Connection, due: DueCalendar, answer: str, next_s: float) -> bool:
    return bool(connection.execute(SQL_UNCHANGED.encode(), _of(due, answer, next_s)).rowcount)


def note_failed(connection: Connection, due: DueCalendar, answer: str, next_s: float, kept_s: float) -> bool:
    """Its last known times stay, but for one that has failed for `kept_s`; True if they were let go."""
    with connection.transaction():
        if not connection.execute(SQL_FAILED.encode(), _of(due, answer, next_s)).rowcount:
            return False
        if not connection.execute(SQL_LET_GO, {"id": due.id, "kept_s": kept_s}).rowcount:
            return False
        connection.execute(SQL_FORGET_TIMES, {"id": due.id})
    return True


def note_ended(connection: Connection, due: DueCalendar) -> None:
    """One whose URL is gone, since its person is: its closures end."""
    with connection.transaction():
        if connection.execute(SQL_END.encode(), {"id": due.id, "lease": due.lease}).rowcount:
            connection.execute(SQL_FORGET_TIMES, {"id": due.id})


def _of(due: DueCalendar, answer: str, next_s: float) -> dict[str, object]:
    return {"id": due.id, "lease": due.lease, "answer": answer, "next_s": next_s}
