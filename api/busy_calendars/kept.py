"""What staff and practitioners do alike with the calendars of a resource: make, list, read, fetch, delete."""

from __future__ import annotations

import structlog
from falcon.asgi import Request, Response

from api.busy_calendars.answers import (
    BusyCalendarAnswer,
    BusyCalendarList,
    Paged,
    callable_target,
    not_found,
    shown,
)
from api.http.audit import note_change
from api.http.errors import Problem
from api.http.responses import respond
from core.sealed_secrets import SecretBox
from core.store.calendars import busy_calendars
from core.store.calendars.busy_calendars import CALENDARS_OF_RESOURCE_MAX, BusyCalendar, NewBusyCalendar
from core.store.connections.database import AsyncConnection
from core.store.connections.pool import Pool
from core.wire.answers import Done

log = structlog.get_logger()


class KeptCalendars:
    """`resource_id` is whose calendars a caller may see; None: all."""

    def __init__(self, pool: Pool, box: SecretBox, *, loopback: bool) -> None:
        self.pool = pool
        self._box = box
        self._loopback = loopback

    async def make(self, req: Request, resp: Response, resource_id: int, url: str, label: str) -> None:
        target = callable_target(url, loopback=self._loopback)
        by = req.context.principal.user_id
        new = NewBusyCalendar(resource_id, target.host, label.strip())
        async with self.pool.connection() as connection, connection.transaction():
            made = await busy_calendars.make(connection, new, self._box.seal(target.url), by)
            if made is None:
                words = f"There are as many busy calendars as there may be ({CALENDARS_OF_RESOURCE_MAX} of a resource)"
                raise Problem(409, "too_many_busy_calendars", f"{words}: delete one first")
            found = await _read(connection, made, resource_id)
            await _note(req, connection, "busy_calendar.created", found, made=True)
        log.info("busy calendar made", calendar=made, by=by)
        message = "Busy calendar created: it is fetched in a moment"
        respond(resp, BusyCalendarAnswer(message=message, data=shown(found)), 201)

    async def list(self, resp: Response, asked: Paged, resource_id: int | None) -> None:
        async with self.pool.connection() as connection:
            found, total = await busy_calendars.listed(connection, resource_id, asked.limit, asked.offset)
        data = [shown(one) for one in found]
        respond(resp, BusyCalendarList(data=data, total_count=total, limit=asked.limit, offset=asked.offset))

    async def read(self, resp: Response, calendar_id: int, resource_id: int | None) -> None:
        async with self.pool.connection() as connection:
            found = await _read(connection, calendar_id, resource_id)
        respond(resp, BusyCalendarAnswer(data=shown(found)))

    async def fetch(self, req: Request, resp: Response, calendar_id: int, resource_id: int | None) -> None:
        async with self.pool.connection() as connection, connection.transaction():
            await _read(connection, calendar_id, resource_id)
            if not await busy_calendars.fetch_now(connection, calendar_id):
                words = "This calendar is being fetched, or was a moment ago; look at it again in ten seconds"
                raise Problem(409, "just_fetched", words)
            found = await _read(connection, calendar_id, resource_id)
            if req.context.principal.is_audited:
                what = {"resource_id": found.resource_id}
                await note_change(req, connection, "busy_calendar.fetched", calendar_id, None, what)
        respond(resp, BusyCalendarAnswer(message="The calendar is fetched in a moment", data=shown(found)), 202)

    async def delete(self, req: Request, resp: Response, calendar_id: int, resource_id: int | None) -> None:
        async with self.pool.connection() as connection, connection.transaction():
            await busy_calendars.lock(connection, calendar_id)
            found = await _read(connection, calendar_id, resource_id)
            await busy_calendars.let_go(connection, calendar_id)
            await _note(req, connection, "busy_calendar.deleted", found, made=False)
        log.info("busy calendar deleted", calendar=calendar_id, by=req.context.principal.user_id)
        respond(resp, Done(message="Busy calendar deleted: its closures end in a moment"))


async def _read(connection: AsyncConnection, calendar_id: int, resource_id: int | None) -> BusyCalendar:
    """Raises Problem 404."""
    found = await busy_calendars.by_id(connection, calendar_id, resource_id)
    if found is None:
        raise not_found()
    return found


async def _note(req: Request, connection: AsyncConnection, action: str, one: BusyCalendar, *, made: bool) -> None:
    """Staff alone leave entries; the URL and its host stand in none."""
    if req.context.principal.is_audited:
        what = {"resource_id": one.resource_id}
        await note_change(req, connection, action, one.id, None if made else what, what if made else None)
