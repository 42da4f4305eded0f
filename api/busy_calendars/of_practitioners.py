"""`/api/busy-calendars/`: the calendars that a practitioner's own time follows."""

from __future__ import annotations

from falcon.asgi import Request, Response

from api.busy_calendars.answers import EXAMPLE, BusyCalendarAnswer, BusyCalendarList, OwnCalendarBody, Paged
from api.busy_calendars.kept import KeptCalendars
from api.http.bodies import read_json
from api.http.errors import forbidden
from api.http.parameters import read_query
from api.openapi import Content, operation
from core.store.catalogue import practitioners
from core.wire.answers import Done


class OwnCalendars:
    """Staff who are practitioners have theirs here too; others get a 403."""

    def __init__(self, kept: KeptCalendars) -> None:
        self._kept = kept

    @operation("List the calendars that one's own time follows", query=Paged, answers={200: BusyCalendarList})
    async def on_get(self, req: Request, resp: Response) -> None:
        asked = read_query(req, Paged)
        await self._kept.list(resp, asked, await self._own(req))

    @operation(
        "Let one's own time follow a calendar",
        description="Nobody can book the practitioner while the calendar says busy, from its first fetch on. Its URL is "
        "https, of the public internet; it is kept encrypted and not shown again.",
        body=Content(OwnCalendarBody, example=EXAMPLE),
        answers={201: BusyCalendarAnswer},
        refuses=("too_many_busy_calendars",),
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        resource_id = await self._own(req)
        body = await read_json(req, OwnCalendarBody)
        await self._kept.make(req, resp, resource_id, body.url, body.label)

    @operation(
        "Read a calendar that one's own time follows, and how it does",
        answers={200: BusyCalendarAnswer},
        refuses=("busy_calendar_not_found",),
    )
    async def on_get_one(self, req: Request, resp: Response, busy_calendar_id: int) -> None:
        await self._kept.read(resp, busy_calendar_id, await self._own(req))

    @operation(
        "Follow a calendar no more",
        description="Its URL is forgotten at once, and its closures end in a moment.",
        answers={200: Done},
        refuses=("busy_calendar_not_found",),
    )
    async def on_delete_one(self, req: Request, resp: Response, busy_calendar_id: int) -> None:
        await self._kept.delete(req, resp, busy_calendar_id, await self._own(req))

    @operation(
        "Fetch a calendar now",
        description="Whole, even if it has not changed. Its state tells what came of it.",
        answers={202: BusyCalendarAnswer},
        refuses=("busy_calendar_not_found", "just_fetched"),
    )
    async def on_post_fetch(self, req: Request, resp: Response, busy_calendar_id: int) -> None:
        await self._kept.fetch(req, resp, busy_calendar_id, await self._own(req))

    async def _own(self, req: Request) -> int:
        """The resource of the practitioner who asks."""
        async with self._kept.pool.connection() as connection:
            own = await practitioners.id_of_user(connection, req.context.principal.user_id)
            if own is None:
                raise forbidden()
            return (await practitioners.owner(connection, own))[1]
