"""Practitioners: who gives sessions, when, and by which rules."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from core.domain.marketplace.values import Practitioner
from core.domain.names import folded
from core.store.calendars.links import end_with_role
from core.store.catalogue import resources
from core.store.catalogue.changes import CatalogueError, read_one
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_one, fetch_page, find_one
from core.store.inbox.lane_batches import hold_all_lanes
from core.store.lists.pages import count_to_limit
from core.store.marketplace.rows import PRACTITIONER_EMAIL, PRACTITIONERS, practitioner_columns, practitioner_of

MAY_SEE_EMAIL = """%(sees_all)s OR p.user_id = %(viewer)s OR EXISTS (
           SELECT FROM marketplace_booking m JOIN booking b ON b.id = m.booking_id
           WHERE m.user_id = %(viewer)s AND m.practitioner_id = p.id AND b.deleted_at IS NULL)"""
# Staff, the practitioner, and people who have or had a booking with them: their bookings show it anyway.
_EMAIL = f"CASE WHEN {MAY_SEE_EMAIL} THEN {PRACTITIONER_EMAIL} ELSE '' END"
_COLUMNS = f"{practitioner_columns(_EMAIL)}, p.bio"
_LISTED = """(p.is_active OR %(hidden)s)
  AND (%(service)s::bigint IS NULL OR p.id IN (
       SELECT practitioner_id FROM service_practitioner WHERE service_id = %(service)s))"""
SQL_PAGE = f"SELECT {_COLUMNS} FROM {PRACTITIONERS} WHERE {_LISTED} ORDER BY p.id LIMIT %(limit)s OFFSET %(offset)s"
SQL_COUNT = count_to_limit(f"practitioner p WHERE {_LISTED}")
SQL_ONE = f"SELECT {_COLUMNS} FROM {PRACTITIONERS} WHERE p.id = %(id)s"
SQL_LOCK = f"{SQL_ONE} FOR UPDATE OF p"
SQL_OWNER = "SELECT user_id, resource_id FROM practitioner WHERE id = %s"
SQL_OF_USER = "SELECT id FROM practitioner WHERE user_id = %s"
SQL_PROMOTE = "UPDATE user_account SET is_practitioner = true WHERE id = %s AND NOT is_practitioner"
SQL_INSERT = "INSERT INTO practitioner (user_id, resource_id, name, name_key) VALUES (%s, %s, %s, %s) RETURNING id"
SQL_UPDATE = """
UPDATE practitioner SET name = %(name)s, name_key = %(name_key)s, bio = %(bio)s, hours = %(hours)s::jsonb, breaks = %(breaks)s::jsonb,
       buffer_before_minutes = %(buffer_before_minutes)s, buffer_after_minutes = %(buffer_after_minutes)s,
       notice_minutes = %(notice_minutes)s, horizon_days = %(horizon_days)s, is_active = %(is_active)s,
       updated_at = clock_timestamp()
WHERE id = %(id)s
"""
SQL_UPDATE_RESOURCE = "UPDATE resource SET name = %(name)s, zone = %(zone)s WHERE id = %(resource_id)s"
SQL_TAKEN_AHEAD = """
SELECT EXISTS (SELECT FROM claim WHERE resource_id = %s AND during && tstzrange(clock_timestamp(), NULL))
"""
# Bookings, sessions and closures: each of them claims its time. The trigger `resource_keeps_zone` asks the same.


class AlreadyPractitionerError(CatalogueError):
    """The user is already a practitioner."""


class ListedPractitioner(Struct, frozen=True):
    """A practitioner and what only people read of them. The e-mail is empty for readers who may not see it."""

    practitioner: Practitioner
    bio: str


class Viewer(Struct, frozen=True):
    """Who reads: it decides which e-mail addresses they see."""

    user_id: int | None
    sees_all: bool


SEES_ALL = Viewer(None, sees_all=True)
"""Callers who may change a practitioner may see the address."""


async def page(
    connection: AsyncConnection,
    viewer: Viewer,
    *,
    hidden: bool,
    service_id: int | None,
    limit: int,
    offset: int,
) -> tuple[list[ListedPractitioner], int]:
    """Practitioners (of a service) by id, `hidden` ones too or not, and how many, counted to the limit of lists."""
    values = {**_viewer(viewer), "hidden": hidden, "service": service_id, "limit": limit, "offset": offset}
    rows, count = await fetch_page(connection, SQL_PAGE, SQL_COUNT, values)
    return [_listed(row) for row in rows], count


async def one(
    connection: AsyncConnection, practitioner_id: int, viewer: Viewer = SEES_ALL, *, locked: bool = False
) -> ListedPractitioner:
    """Raises NotFoundError."""
    values = {**_viewer(viewer), "id": practitioner_id}
    return _listed(await read_one(connection, SQL_LOCK if locked else SQL_ONE, values))


async def owner(connection: AsyncConnection, practitioner_id: int) -> tuple[int, int]:
    """(user id, resource id): neither ever changes. Raises NotFoundError."""
    row = await read_one(connection, SQL_OWNER, (practitioner_id,))
    return row[0], row[1]


async def id_of_user(connection: AsyncConnection, user_id: int | None) -> int | None:
    """The practitioner that a user is; None if they are none."""
    row = await find_one(connection, SQL_OF_USER, (user_id,))
    return None if row is None else int(row[0])


async def create(connection: AsyncConnection, *, user_id: int, name: str, zone: str) -> ListedPractitioner:
    """Make a user, who is locked, a practitioner with an empty week. Raises AlreadyPractitionerError."""
    if await id_of_user(connection, user_id) is not None:
        raise AlreadyPractitionerError
    await connection.execute(SQL_PROMOTE, (user_id,))
    resource_id = await resources.add(connection, "practitioner", name, zone)
    (id_,) = await fetch_one(connection, SQL_INSERT, (user_id, resource_id, name, folded(name)))
    return await one(connection, id_)


async def change(connection: AsyncConnection, after: ListedPractitioner) -> ListedPractitioner:
    """Write what can change of a locked practitioner, the zone too: see `zone_may_change`."""
    practitioner = after.practitioner
    values = {
        **asdict(practitioner),
        "bio": after.bio,
        "name_key": folded(practitioner.name),
        "hours": msgspec.json.encode(practitioner.schedule.hours).decode(),
        "breaks": msgspec.json.encode(practitioner.schedule.breaks).decode(),
    }
    await connection.execute(SQL_UPDATE, values)
    await connection.execute(SQL_UPDATE_RESOURCE, values)
    if not practitioner.is_active:
        await end_with_role(connection, practitioner.user_id)
    return await one(connection, practitioner.id)


async def zone_may_change(connection: AsyncConnection, resource_id: int) -> bool:
    """Whether the zone of a resource may change in this transaction, which then holds up all lanes until it ends.

    Only while nothing of the resource lies ahead. A lane at work may have read the old zone and be about to claim
    time by it, so no lane may be at work either. No lane is held up if the answer is no anyway.
    """
    if await _is_taken_ahead(connection, resource_id):
        return False
    await hold_all_lanes(connection)
    return not await _is_taken_ahead(connection, resource_id)


async def _is_taken_ahead(connection: AsyncConnection, resource_id: int) -> bool:
    return bool((await fetch_one(connection, SQL_TAKEN_AHEAD, (resource_id,)))[0])


def _listed(row: tuple[Any, ...]) -> ListedPractitioner:
    return ListedPractitioner(practitioner_of(row[:-1]), row[-1])


def _viewer(viewer: Viewer) -> dict[str, Any]:
    return {"sees_all": viewer.sees_all, "viewer": viewer.user_id}
