"""`/api/v1/drf/practitioners/`: who gives sessions, and when. Plain transactions: the catalogue is no command."""

from __future__ import annotations

from typing import Annotated, Any

import falcon.asgi
import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from api.contracts.marketplace import examples
from api.contracts.marketplace.fields import (
    WINDOWS,
    BufferMinutes,
    ClockWindow,
    ClockWindows,
    LongText,
    check_may_edit,
    clock_windows,
    forbidden,
    given,
    not_found,
)
from api.contracts.marketplace.pagination import COUNT_LIMIT, PageBody, Paged, page_fields, write
from api.http.bodies import read_json
from api.http.errors import Problem, invalid
from api.http.fields import ZONE, Id, ZoneText, text
from api.http.parameters import read_query
from api.openapi import Content, operation
from core.domain.marketplace.values import Practitioner
from core.domain.names import folded
from core.identity import account_changes
from core.identity.permissions import why_not_promote
from core.identity.principals import Principal
from core.settings import Settings
from core.store.catalogue.resource_zones import zone_may_change
from core.store.marketplace.rows import PRACTITIONER_EMAIL, PRACTITIONERS, practitioner_columns, practitioner_of
from core.text_forms import NAME
from core.wire.errors import FieldProblem

Pool = AsyncConnectionPool[Any]

YEAR_MINUTES = 365 * 24 * 60

MAY_SEE_EMAIL = """%(sees_all)s OR p.user_id = %(viewer)s OR EXISTS (
           SELECT FROM marketplace_booking m JOIN booking b ON b.id = m.booking_id
           WHERE m.user_id = %(viewer)s AND m.practitioner_id = p.id AND b.deleted_at IS NULL)"""
"""Staff, the practitioner, and people who have or had a booking with them. The document shows it in their bookings."""
COLUMNS = practitioner_columns(f"CASE WHEN {MAY_SEE_EMAIL} THEN {PRACTITIONER_EMAIL} ELSE '' END")
SQL_LIST = f"""
SELECT {COLUMNS}, p.bio FROM {PRACTITIONERS}
WHERE (p.is_active OR %(hidden)s)
  AND (%(service)s::bigint IS NULL OR p.id IN (
       SELECT practitioner_id FROM service_practitioner WHERE service_id = %(service)s))
ORDER BY p.id LIMIT %(limit)s OFFSET %(offset)s
"""
SQL_COUNT = f"""
SELECT count(*) FROM (
    SELECT FROM practitioner p WHERE (p.is_active OR %(hidden)s)
      AND (%(service)s::bigint IS NULL OR p.id IN (
           SELECT practitioner_id FROM service_practitioner WHERE service_id = %(service)s))
    LIMIT {COUNT_LIMIT}) AS found
"""
SQL_ONE = f"SELECT {COLUMNS}, p.bio FROM {PRACTITIONERS} WHERE p.id = %(id)s"
SQL_LOCK = f"{SQL_ONE} FOR UPDATE OF p"
SQL_TAKEN = "SELECT EXISTS (SELECT FROM practitioner WHERE user_id = %s)"
SQL_PROMOTE = "UPDATE user_account SET is_practitioner = true WHERE id = %s AND NOT is_practitioner"
SQL_RESOURCE = "INSERT INTO resource (kind, name, zone) VALUES ('practitioner', %s, %s) RETURNING id"
SQL_INSERT = "INSERT INTO practitioner (user_id, resource_id, name, name_key) VALUES (%s, %s, %s, %s) RETURNING id"
SQL_UPDATE = """
UPDATE practitioner SET name = %(name)s, name_key = %(name_key)s, bio = %(bio)s, hours = %(hours)s::jsonb, breaks = %(breaks)s::jsonb,
       buffer_before_minutes = %(buffer_before_minutes)s, buffer_after_minutes = %(buffer_after_minutes)s,
       notice_minutes = %(notice_minutes)s, horizon_days = %(horizon_days)s, is_active = %(is_active)s,
       updated_at = clock_timestamp()
WHERE id = %(id)s
"""
SQL_UPDATE_RESOURCE = "UPDATE resource SET name = %(name)s, zone = %(zone)s WHERE id = %(resource_id)s"


class PractitionerChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a PATCH. Only what is sent changes; what is booked keeps its times.

    `time_zone` can change only while no booking, session or time off lies ahead.
    """

    name: Annotated[str, text(NAME, least=1, most=150)] | UnsetType = UNSET
    bio: LongText | UnsetType = UNSET
    time_zone: ZoneText | UnsetType = UNSET
    hours: ClockWindows | UnsetType = UNSET
    breaks: ClockWindows | UnsetType = UNSET
    buffer_before_minutes: BufferMinutes | UnsetType = UNSET
    buffer_after_minutes: BufferMinutes | UnsetType = UNSET
    notice_minutes: Annotated[int, Meta(ge=0, le=YEAR_MINUTES)] | UnsetType = UNSET
    horizon_days: Annotated[int, Meta(ge=1, le=3660)] | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


class NewPractitioner(PractitionerChange, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a POST. Staff name the user who becomes a practitioner; a practitioner means themselves."""

    user_id: Id | UnsetType = UNSET


ZONE_KEPT = "time_zone cannot be changed while bookings, sessions or time off lie ahead"
WHOM = frozenset({"user_id"})
"""What staff must say of a new practitioner."""


class PractitionerBody(Struct, frozen=True, kw_only=True):
    id: int
    user_id: int
    name: str
    email: str
    """For staff, the practitioner and people who have a booking with them; empty for others."""
    bio: str
    time_zone: str
    hours: list[ClockWindow]
    breaks: list[ClockWindow]
    buffer_before_minutes: int
    buffer_after_minutes: int
    notice_minutes: int
    """How long before its start a session can still be booked."""
    horizon_days: int
    """How far ahead a session can be booked."""
    is_active: bool


class PractitionerPage(PageBody, frozen=True, kw_only=True):
    results: list[PractitionerBody]


class PractitionerFilters(Paged, frozen=True, kw_only=True):
    service_id: Id | None = None
    """Who gives this service."""


class Practitioners:
    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings

    @operation("List practitioners", query=PractitionerFilters, answers={200: PractitionerPage})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Those who can be booked; staff see the others too."""
        asked = read_query(req, PractitionerFilters)
        wanted = {
            **_viewer(req.context.principal),
            "hidden": req.context.principal.is_staff,
            "service": asked.service_id,
            "limit": asked.page_size,
            "offset": asked.offset,
        }
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(SQL_LIST, wanted)).fetchall()
            count = (await (await connection.execute(SQL_COUNT, wanted)).fetchone() or (0,))[0]
        body = page_fields(req, self._settings.public_url, asked, count, [_body(row) for row in rows])
        write(resp, PractitionerPage(**body))

    @operation(
        "Become a practitioner, or make a user one",
        body=Content(NewPractitioner, example=examples.NEW_PRACTITIONER),
        answers={201: PractitionerBody},
        refuses=("already_practitioner",),
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        principal: Principal = req.context.principal
        sent = await read_json(req, NewPractitioner, needs=WHOM if principal.is_staff else ())
        user_id = _whose(principal, sent.user_id)
        async with self._pool.connection() as connection, connection.transaction():
            row = await self._made(connection, principal, user_id)
            row = await _changed(connection, row, sent)
        write(resp, _body(row), 201)

    async def _made(self, connection: AsyncConnection[Any], principal: Principal, user_id: int) -> tuple[Any, ...]:
        user = await account_changes.lock(connection, user_id)
        if user is None or not user.is_active:
            raise invalid([FieldProblem("user_id", "There is no such user")])
        if (why_not := why_not_promote(principal, user)) is not None:
            raise Problem(403, "forbidden", why_not)
        name = f"{user.first_name} {user.last_name}".strip() or user.username
        if (await _one(connection, SQL_TAKEN, (user_id,)))[0]:
            raise Problem(409, "already_practitioner", "This user is a practitioner already")
        await connection.execute(SQL_PROMOTE, (user_id,))
        (resource_id,) = await _one(connection, SQL_RESOURCE, (name, self._settings.time_zone))
        (id_,) = await _one(connection, SQL_INSERT, (user_id, resource_id, name, folded(name)))
        return await _one(connection, SQL_ONE, {**SEES_ALL, "id": id_})


class OnePractitioner:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("Show a practitioner", answers={200: PractitionerBody}, refuses=("not_found",))
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, practitioner_id: int) -> None:
        wanted = {**_viewer(req.context.principal), "id": practitioner_id}
        async with self._pool.connection() as connection:
            row = await (await connection.execute(SQL_ONE, wanted)).fetchone()
        if row is None:
            raise not_found()
        write(resp, _body(row))

    @operation(
        "Change a practitioner's week and rules",
        body=Content(PractitionerChange, example=examples.PRACTITIONER_CHANGE),
        answers={200: PractitionerBody},
        refuses=("not_found",),
    )
    async def on_patch(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, practitioner_id: int) -> None:
        sent = await read_json(req, PractitionerChange)
        wanted = {**SEES_ALL, "id": practitioner_id}
        async with self._pool.connection() as connection, connection.transaction():
            row = await (await connection.execute(SQL_ONE, wanted)).fetchone()
            if row is None:
                raise not_found()
            check_may_edit(req.context.principal, practitioner_of(row[:-1]).user_id)
            await _check_zone(connection, practitioner_of(row[:-1]), sent)
            row = await _changed(connection, await _one(connection, SQL_LOCK, wanted), sent)
        write(resp, _body(row))


def _whose(principal: Principal, user_id: int | UnsetType) -> int:
    if principal.is_staff and not isinstance(user_id, UnsetType):
        return user_id
    if principal.user_id is None or user_id not in {UNSET, principal.user_id}:
        raise forbidden()
    return principal.user_id


async def _check_zone(connection: AsyncConnection[Any], present: Practitioner, sent: PractitionerChange) -> None:
    """Raise Problem 400 for another zone while something lies ahead. Before any row is locked: it waits for lanes."""
    if sent.time_zone is UNSET or ZONE(sent.time_zone) == present.zone:
        return
    if not await zone_may_change(connection, present.resource_id):
        raise invalid([FieldProblem("time_zone", ZONE_KEPT)])


async def _changed(connection: AsyncConnection[Any], row: tuple[Any, ...], sent: PractitionerChange) -> tuple[Any, ...]:
    found = practitioner_of(row[:-1])
    values = {
        **{name: getattr(found, name) for name in _PLAIN},
        "bio": row[-1],
        "zone": found.zone,
        "id": found.id,
        "resource_id": found.resource_id,
        **{name: value for name, value in given(sent).items() if name in (*_PLAIN, "bio")},
    }
    if sent.time_zone is not UNSET:
        values["zone"] = ZONE(sent.time_zone)
    hours = found.schedule.hours if sent.hours is UNSET else WINDOWS(sent.hours)
    breaks = found.schedule.breaks if sent.breaks is UNSET else WINDOWS(sent.breaks)
    values |= {"hours": msgspec.json.encode(hours).decode(), "breaks": msgspec.json.encode(breaks).decode()}
    values["name_key"] = folded(values["name"])
    await connection.execute(SQL_UPDATE, values)
    await connection.execute(SQL_UPDATE_RESOURCE, values)
    return await _one(connection, SQL_ONE, {**SEES_ALL, "id": found.id})


_PLAIN = ("name", "buffer_before_minutes", "buffer_after_minutes", "notice_minutes", "horizon_days", "is_active")


def _body(row: tuple[Any, ...]) -> PractitionerBody:
    found = practitioner_of(row[:-1])
    return PractitionerBody(
        id=found.id,
        user_id=found.user_id,
        email=found.email,
        bio=row[-1],
        time_zone=found.zone,
        hours=clock_windows(found.schedule.hours),
        breaks=clock_windows(found.schedule.breaks),
        **{name: getattr(found, name) for name in _PLAIN},
    )


def _viewer(principal: Principal) -> dict[str, Any]:
    return {"sees_all": principal.is_staff, "viewer": principal.user_id}


SEES_ALL = {"sees_all": True, "viewer": None}
"""Who may make or change a practitioner may see the address."""


async def _one(connection: AsyncConnection[Any], sql: str, values: Any) -> tuple[Any, ...]:
    row = await (await connection.execute(sql.encode(), values)).fetchone()
    assert row is not None  # noqa: S101 - each of these answers one row
    found: tuple[Any, ...] = row
    return found
