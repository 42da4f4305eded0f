"""`GET /api/events/`: what `/ws/admin/bookings/` tells, for systems that cannot hold a socket (docs/live-feeds.md)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, ClassVar

import falcon.asgi
from msgspec import Meta, Struct

from api.events.event_follower import EventFollower, Wait
from api.events.told_events import POSITION_HEADER, EventList, Told, gone, read_after
from api.http.fields import ID_MAX, text
from api.http.forms import Rules
from api.http.parameters import LIMIT_DEFAULT, Limit, Word, read_query
from api.http.preferences import WAIT_MAX_S, preferences
from api.http.responses import respond
from api.openapi import Content, operation
from core.identity.credentials.lookup import Credential
from core.store.connections.pool import Pool
from core.store.feed import Position, parse_position, read_head
from core.store.feed_filter import FeedFilter, service_number
from core.text_forms import POSITION
from core.wire.errors import FieldProblem
from core.wire.feeds import BookingWord

WAIT = {
    "name": "Prefer",
    "in": "header",
    "description": f"RFC 7240. `wait=N`: if there is nothing to tell, wait up to N seconds ({WAIT_MAX_S:.0f} at most).",
    "schema": {"type": "string"},
    "example": "wait=5",
}
After = Annotated[
    str,
    text(POSITION),
    Meta(description="The position to go on from: `next` of the answer before. Without it, from now on"),
]
Type = Annotated[BookingWord, Meta(description="Of the event; may be repeated")]
ResourceId = Annotated[int, Meta(ge=1, le=ID_MAX, description="Of the booking's resource; may be repeated")]
Service = Annotated[Word, Meta(description="The name of the booking's service, however it is written; may be repeated")]


def _in_order(query: EventsQuery) -> Iterator[FieldProblem]:
    if query.start_date is not None and query.end_date is not None and query.end_date < query.start_date:
        yield FieldProblem("end_date", "end_date must not be before start_date")


class EventsQuery(Struct, frozen=True):
    """Every filter narrows; of one that is repeated, any value will do."""

    after: After | None = None
    type: tuple[Type, ...] = ()
    resource_id: tuple[ResourceId, ...] = ()
    service: tuple[Service, ...] = ()
    start_date: date | None = None
    end_date: date | None = None
    limit: Limit = LIMIT_DEFAULT

    rules: ClassVar[Rules] = (_in_order,)

    @property
    def wanted(self) -> FeedFilter:
        return FeedFilter(
            types=frozenset(self.type),
            resource_ids=frozenset(self.resource_id),
            services=frozenset(map(service_number, self.service)),
            first=self.start_date,
            last=self.end_date,
        )


class Events:
    def __init__(self, pool: Pool, follower: EventFollower) -> None:
        self._pool = pool
        self._follower = follower

    @operation(
        "Read the admin feed: what became of bookings, in order",
        description=(
            "The messages of `/ws/admin/bookings/`, and the position to ask from `next`. An event is told if its "
            "booking matches the filters since the event, or did before it: what moves away is told too. Days are "
            "local to each booking's resource. 410 is what the socket tells by `reload`: reload everything, then "
            "continue from its `position`."
        ),
        query=EventsQuery,
        answers={200: Content(EventList, headers={POSITION_HEADER: "The same as `next`"})},
        refuses=("position_gone", "too_many_requests"),
        parameters=(WAIT,),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        query = read_query(req, EventsQuery)
        after = await self._position(query.after)
        told = await read_after(self._pool, after, query.wanted, query.limit)
        wait_s = preferences(req, default_s=0).wait_s
        if not told.messages and wait_s > 0:
            told = await self._wait(req, told, query, wait_s)
        resp.set_header(POSITION_HEADER, str(told.next))
        respond(resp, told.body)

    async def _position(self, sent: str | None) -> Position:
        """Raises Problem 410 for a text that is no position of ours, as every other that cannot be gone on from."""
        position = None if sent is None else parse_position(sent)
        if position is not None:
            return position
        async with self._pool.connection() as connection:
            head = await read_head(connection)
        if sent is not None:
            raise gone(head)
        return head

    async def _wait(self, req: falcon.asgi.Request, told: Told, query: EventsQuery, wait_s: float) -> Told:
        caller = Credential.of(req.context.principal)
        return await self._follower.wait(Wait(told.next, query.wanted, query.limit, caller), wait_s)
