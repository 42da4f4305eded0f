"""The admin desk's bookings: list, change, cancel, delete (appointments.md 2, 5, 6; calendar.md)."""

from __future__ import annotations

from typing import Any, Literal

import falcon.asgi
from msgspec import Struct
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from api.bodies import read_json
from api.commands import Commands
from api.errors import Problem
from api.queries import Query
from core.domain.commands import Cancel, ChangeStatus, Command, Delete
from core.store.inbox import slot_key
from core.store.rows import BOOKING_TYPES
from core.store.tables import booking as b
from core.store.tables import user_account as u
from core.store.views import view_of
from core.wire.admin import admin_booking
from core.wire.outcomes import encode
from core.wire.words import APPOINTMENTS_ASKED, appointments_states

COUNT_EXACT_TO = 10_000
"""Totals beyond it would need a scan; the answer says so in `total_exact`."""

SQL_SLOT = "SELECT resource_id, local_date FROM booking WHERE id = %s AND deleted_at IS NULL"

_BOOKING = [b.c[name] for name in BOOKING_TYPES]
_USER = (
    u.c.id, u.c.username, u.c.first_name, u.c.last_name, func.coalesce(u.c.email, u.c.contact_email), u.c.phone,
    u.c.phone_key, u.c.gender, u.c.country, u.c.is_active, u.c.is_staff, u.c.is_superuser, u.c.is_practitioner,
    u.c.date_joined,
)  # fmt: skip


class AdminBookings:
    """`GET /api/admin/bookings/`: newest first, every filter ANDed."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        query = Query(req)
        chosen = _filtered(select(b.c.id).where(b.c.deleted_at.is_(None)), query)
        limit, offset = query.page()
        query.check()
        page = chosen.order_by(b.c.id.desc()).limit(limit).offset(offset).subquery()
        listed = (
            select(*_BOOKING, *_USER)
            .join(page, page.c.id == b.c.id)
            .join(u, u.c.id == b.c.user_id)
            .order_by(b.c.id.desc())
        )
        counted = select(func.count()).select_from(chosen.limit(COUNT_EXACT_TO + 1).subquery())
        async with self._engine.connect() as connection:
            rows = (await connection.execute(listed)).all()
            total = (await connection.execute(counted)).scalar_one()
        resp.data = encode(_list_body([admin_booking(*view_of(tuple(row))) for row in rows], total, limit, offset))
        resp.content_type = falcon.MEDIA_JSON


def _filtered(chosen: Select[Any], query: Query) -> Select[Any]:
    if day := query.day("date"):
        chosen = chosen.where(b.c.local_date == day)
    if service := query.text("service"):
        chosen = chosen.where(func.lower(b.c.service_name) == service.lower())
    if status := query.one_of("status", APPOINTMENTS_ASKED):
        chosen = chosen.where(b.c.status.in_(appointments_states(status)))
    if user := query.text("user"):
        owner = select(u.c.id).where(u.c.username_key == user.casefold()).scalar_subquery()
        chosen = chosen.where(b.c.user_id == owner)
    return chosen


def _list_body(data: list[dict[str, Any]], total: int, limit: int, offset: int) -> dict[str, Any]:
    return {
        "success": True,
        "message": "Bookings retrieved successfully",
        "data": data,
        "total_count": min(total, COUNT_EXACT_TO),
        "total_exact": total <= COUNT_EXACT_TO,
        "count": len(data),
        "limit": limit,
        "offset": offset,
    }


class StatusChange(Struct, frozen=True, forbid_unknown_fields=True):
    status: Literal["upcoming", "completed", "cancelled"]


class AdminBookingWrites:
    """Changes to one booking, each a command in the lane of the booking's own slot."""

    def __init__(self, commands: Commands, pool: AsyncConnectionPool[Any]) -> None:
        self._commands = commands
        self._pool = pool

    async def on_put_update(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        change = await read_json(req, StatusChange)
        await self._run(req, resp, booking_id, ChangeStatus(booking_id, APPOINTMENTS_ASKED[change.status]))

    async def on_delete_cancel(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        await self._run(req, resp, booking_id, Cancel(booking_id))

    async def on_delete_delete(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        await self._run(req, resp, booking_id, Delete(booking_id))

    async def _run(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int, command: Command
    ) -> None:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(SQL_SLOT, (booking_id,))).fetchone()
        if row is None:
            raise Problem(404, "booking_not_found", "Booking not found")
        await self._commands.run(req, resp, contract="appointments", slot_key=slot_key(*row), command=command)
