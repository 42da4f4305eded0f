"""Another time zone for the installation, and for the resources that follow it.

Nothing records whether somebody chose a resource's zone. So a resource follows if it was made by the house (practitioners
and locations look after their own) and its zone is the installation's. One with something ahead keeps its zone, as
everywhere (migration 0031): what is booked there keeps its wall time and its instant.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from core.store.audit import AuditEntry, Author, record
from core.store.connections.database import Connection
from core.store.inbox.lane_batches import LANE_SPACE, SQL_HOLD_LANES
from core.store.installation import SUBJECT, read_installation

SQL_FOLLOWING = """
SELECT r.id, r.kind, r.name,
       EXISTS (SELECT FROM claim c WHERE c.resource_id = r.id AND c.during && tstzrange(clock_timestamp(), NULL))
       OR EXISTS (SELECT FROM category c JOIN time_slot s ON s.category_id = c.id
                  WHERE c.resource_id = r.id AND s.ends_at > clock_timestamp() AND s.deleted_at IS NULL)
FROM resource r
WHERE r.zone = %s AND r.kind IN ('desk', 'service', 'room', 'category')
  AND NOT EXISTS (SELECT FROM location_room l WHERE l.resource_id = r.id)
ORDER BY r.id
"""
SQL_SET = "UPDATE installation SET time_zone = %s"
SQL_FOLLOW = "UPDATE resource SET zone = %s WHERE id = ANY(%s)"


class Following(Struct, frozen=True):
    """A resource in the installation's zone."""

    id: int
    kind: str
    name: str
    has_something_ahead: bool
    """A booking, session, closure or time slot: it keeps its zone."""


class ZoneChange(Struct, frozen=True):
    """What a change touches, or has touched."""

    before: str
    after: str
    follow: tuple[Following, ...]
    """They get the new zone: nothing of theirs lies ahead."""
    stay: tuple[Following, ...]
    """They keep the old one."""


def plan_zone_change(connection: Connection, after: str) -> ZoneChange:
    """Reads only. The zone before is that of the first `migrate`, or UTC."""
    before = read_installation(connection).time_zone or "UTC"
    rows: list[tuple[Any, ...]] = connection.execute(SQL_FOLLOWING, (before,)).fetchall() if before != after else []
    found = [Following(*row) for row in rows]
    return ZoneChange(
        before,
        after,
        tuple(one for one in found if not one.has_something_ahead),
        tuple(one for one in found if one.has_something_ahead),
    )


def change_zone(connection: Connection, after: str, by: Author) -> ZoneChange:
    """Make the change, while no lane is at work: one might have read the old zone and be about to claim by it."""
    with connection.transaction():
        connection.execute(SQL_HOLD_LANES, (LANE_SPACE,))
        change = plan_zone_change(connection, after)
        connection.execute(SQL_FOLLOW, (after, [one.id for one in change.follow]))
        connection.execute(SQL_SET, (after,))
        if change.before != after:
            record(connection, _entry(change, by))
    return change


def _entry(change: ZoneChange, by: Author) -> AuditEntry:
    return AuditEntry(
        by,
        "installation.time_zone_changed",
        SUBJECT,
        {"time_zone": change.before},
        {"time_zone": change.after},
        also=[f"resource:{one.id}" for one in change.follow],
    )
