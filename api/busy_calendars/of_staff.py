"""`/api/admin/busy-calendars/`: the calendars that any resource follows, kept by staff."""

from __future__ import annotations

from falcon.asgi import Request, Response

from api.busy_calendars.answers import (
    EXAMPLE,
    BusyCalendarAnswer,
    BusyCalendarList,
    CalendarBody,
    CalendarsAsked,
    Paged,
)
from api.busy_calendars.kept import KeptCalendars
from api.http.bodies import read_json
from api.http.errors import Problem
from api.http.parameters import read_query
from api.openapi import Content, operation
from core.store.catalogue import resources
from core.wire.answers import Done


class StaffCalendars:
    def __init__(self, kept: KeptCalendars) -> None:
        self._kept = kept

    @operation(
        "List the calendars that resources follow, the newest first",
        query=CalendarsAsked,
        answers={200: BusyCalendarList},
    )
    async def on_get(self, req: Request, resp: Response) -> None:
        asked = read_query(req, CalendarsAsked)
        await self._kept.list(resp, Paged(asked.limit, asked.offset), asked.resource_id)

    @operation(
        "Let a resource follow a calendar",
        description="What the calendar says is busy is closed, from its first fetch on. Its URL is https, of the public "
        "internet, on port 443 or one from 1024 on; it is kept encrypted and not shown again.",
        body=Content(CalendarBody, example=EXAMPLE),
        answers={201: BusyCalendarAnswer},
        refuses=("resource_not_found", "too_many_busy_calendars"),
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        body = await read_json(req, CalendarBody)
        await self._kept.make(req, resp, await self._resource(body.resource_id), body.url, body.label)

    async def _resource(self, resource_id: int | None) -> int:
        async with self._kept.pool.connection() as connection:
            if resource_id is None:
                return await resources.desk_id(connection)
            if await resources.zone_of(connection, resource_id) is None:
                raise Problem(404, "resource_not_found", "Resource not found")
            return resource_id


class OneStaffCalendar:
    def __init__(self, kept: KeptCalendars) -> None:
        self._kept = kept

    @operation(
        "Read a calendar that a resource follows, and how it does",
        answers={200: BusyCalendarAnswer},
        refuses=("busy_calendar_not_found",),
    )
    async def on_get(self, _req: Request, resp: Response, busy_calendar_id: int) -> None:
        await self._kept.read(resp, busy_calendar_id, None)

    @operation(
        "Follow a calendar no more",
        description="Its URL is forgotten at once, and its closures end in a moment.",
        answers={200: Done},
        refuses=("busy_calendar_not_found",),
    )
    async def on_delete(self, req: Request, resp: Response, busy_calendar_id: int) -> None:
        await self._kept.delete(req, resp, busy_calendar_id, None)

    @operation(
        "Fetch a calendar now",
        description="Whole, even if it has not changed. Its state tells what came of it.",
        answers={202: BusyCalendarAnswer},
        refuses=("busy_calendar_not_found", "just_fetched"),
    )
    async def on_post_fetch(self, req: Request, resp: Response, busy_calendar_id: int) -> None:
        await self._kept.fetch(req, resp, busy_calendar_id, None)
