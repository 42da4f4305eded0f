"""`GET /api/timeslots/`: the calendar as everybody sees it (docs/contracts/calendar.md)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Annotated, ClassVar

import falcon.asgi
from msgspec import Meta, Struct, field

from api.contracts.calendar.examples import SLOT_SHOWN
from api.contracts.calendar.pagination import NEXT_LINK, PAGE_MAX, PageLimit, add_next_link
from api.http.forms import Rules
from api.http.parameters import Offset, Word, read_query
from api.http.responses import respond
from api.openapi import Content, operation
from core.domain.names import folded
from core.identity.principals import Principal
from core.store.connections.pool import Pool
from core.store.lists.calendar import SlotFilter, SlotList, SlotListed, list_slots
from core.wire.contracts.calendar import SlotBody, StaffSlot, slot_body, staff_slot
from core.wire.errors import FieldProblem

POSITION_HEADER = "Holdfast-Position"
SLOT_PAGE = NEXT_LINK | {
    POSITION_HEADER: "The feed's position that the list is true at: `/ws/calendar/` goes on from it"
}
"""The headers of a page of slots."""

Names = Annotated[Word, Meta(description="Names of categories, repeated or separated by commas")]


def _in_order(query: SlotsQuery) -> Iterator[FieldProblem]:
    if query.start_date is not None and query.end_date is not None and query.end_date < query.start_date:
        yield FieldProblem("end_date", "end_date must not be before start_date")


class SlotsQuery(Struct, frozen=True):
    """Every filter narrows."""

    date: dt.date | None = None
    start_date: dt.date | None = None
    end_date: dt.date | None = None
    categories: tuple[Names, ...] = ()
    bracketed: tuple[Names, ...] = field(default=(), name="categories[]")
    available_only: Annotated[bool, Meta(description="Only slots that can be booked")] = False
    limit: PageLimit = PAGE_MAX
    offset: Offset = 0

    rules: ClassVar[Rules] = (_in_order,)


class TimeSlots:
    def __init__(self, pool: Pool, *, allow_past: bool) -> None:
        self._pool = pool
        self._allow_past = allow_past

    @operation(
        "List time slots by start time",
        description="Days are local to each category. Staff also see the `booking` of each slot.",
        query=SlotsQuery,
        answers={
            200: (
                Content(list[SlotBody], example=[SLOT_SHOWN], headers=SLOT_PAGE),
                Content(list[StaffSlot], headers=SLOT_PAGE),
            )
        },
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        wanted = self._wanted(read_query(req, SlotsQuery))
        async with self._pool.connection() as connection:
            found = await list_slots(connection, wanted)
        respond_page(req, resp, wanted, found)

    def _wanted(self, query: SlotsQuery) -> SlotFilter:
        first, last = query.start_date, query.end_date
        return SlotFilter(
            limit=query.limit,
            offset=query.offset,
            first=max((one for one in (query.date, first) if one), default=None),
            last=min((one for one in (query.date, last) if one), default=None),
            categories=names_of(query),
            taken=False if query.available_only else None,
            after=query.available_only and not self._allow_past,
        )


def respond_page(req: falcon.asgi.Request, resp: falcon.asgi.Response, wanted: SlotFilter, found: SlotList) -> None:
    """Answer with a page of slots, its position in the feed, and a link to the next page."""
    if found.more:
        add_next_link(req, resp, wanted.offset + wanted.limit)
    resp.set_header(POSITION_HEADER, str(found.position))
    respond(resp, [visible_to(req.context.principal, one) for one in found.slots])


def names_of(query: SlotsQuery) -> list[str] | None:
    """Folded; None if none were sent."""
    sent = [word.strip() for words in (*query.categories, *query.bracketed) for word in words.split(",")]
    return [folded(word) for word in sent if word] or None


def visible_to(principal: Principal, one: SlotListed) -> SlotBody:
    """Staff see who has booked the slot, others only whether they have."""
    if principal.is_staff:
        return staff_slot(one.slot, one.holder, principal.user_id, taken=one.is_taken)
    mine = one.holder is not None and one.holder[0].user_id == principal.user_id
    return slot_body(one.slot, taken=one.is_taken, mine=mine)
