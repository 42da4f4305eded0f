"""`GET /api/timeslots/`: the calendar as everybody sees it (docs/contracts/calendar.md)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

import falcon.asgi
from msgspec import Meta, Struct, field

from api.contracts.calendar.examples import SLOT_SHOWN
from api.contracts.calendar.pagination import NEXT_LINK, PAGE_MAX, PageLimit, add_next_link
from api.http.errors import unavailable
from api.http.forms import Rules
from api.http.parameters import Offset, Word
from api.http.responses import respond
from api.openapi import Content, operation
from api.reads.known_queries import read_known_query
from api.reads.public_reads import TAGGED, UNCHANGED, PublicReads, respond_tagged
from core.domain.names import folded
from core.identity.principals import Principal
from core.store.connections.pool import Pool
from core.store.lists.calendar import SlotFilter, SlotList, SlotListed, list_slots
from core.store.lists.listed_slots import (
    SlotListRead,
    SlotSeen,
    is_quick,
    position_found,
    slot_list_read,
    slots_seen,
    zones_found,
)
from core.store.reads.shared_reads import Found, Query
from core.wire.contracts.calendar import CategoryShown, SlotBody, StaffSlot, slot_body, staff_slot
from core.wire.errors import FieldProblem
from core.wire.outcomes import encode
from core.wire.vocabulary import zulu

POSITION_HEADER = "Holdfast-Position"
SLOT_PAGE = NEXT_LINK | {
    POSITION_HEADER: "The feed's position that the list is true at: `/ws/calendar/` goes on from it"
}
"""The headers of a page of slots."""
ZONES_TRIES = 3

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


class TimeSlotsRead(Struct, frozen=True):
    """What somebody who is no member of staff sees."""

    asked: SlotListRead
    viewer_id: int | None

    def queries(self) -> Sequence[Query]:
        return self.asked.queries()

    def make(self, found: Found) -> bytes:
        return encode([self._body(slot) for slot in slots_seen(found, self.asked.limit)])

    def _body(self, slot: SlotSeen) -> SlotBody:
        return SlotBody(
            id=slot.id,
            category=CategoryShown(slot.category_id, slot.category_name),
            start_time=zulu(slot.starts_at),
            end_time=zulu(slot.ends_at),
            is_booked=slot.is_taken,
            booked_by_me=slot.holder_id is not None and slot.holder_id == self.viewer_id,
        )


class TimeSlots:
    def __init__(self, pool: Pool, reads: PublicReads, *, allow_past: bool) -> None:
        self._pool = pool
        self._reads = reads
        self._allow_past = allow_past
        self._zones_seen: tuple[str, ...] = ()
        """In which resources were the last time: a guess, which each read compares with what it finds."""

    @operation(
        "List time slots by start time",
        description="Days are local to each category. Staff also see the `booking` of each slot.",
        query=SlotsQuery,
        answers={
            200: (
                Content(list[SlotBody], example=[SLOT_SHOWN], headers=SLOT_PAGE | TAGGED),
                Content(list[StaffSlot], headers=SLOT_PAGE),
            ),
            304: UNCHANGED,
        },
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        wanted = self._wanted(read_known_query(req, SlotsQuery))
        principal: Principal = req.context.principal
        if is_quick(wanted) and not principal.is_staff:
            await self._answer_quickly(req, resp, wanted, principal.user_id)
            return
        async with self._pool.connection() as connection:
            found = await list_slots(connection, wanted)
        respond_page(req, resp, wanted, found)

    async def _answer_quickly(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, wanted: SlotFilter, viewer_id: int | None
    ) -> None:
        read, found = await self._find(wanted, viewer_id)
        if found.count(0) > wanted.limit:
            add_next_link(req, resp, wanted.offset + wanted.limit)
        resp.set_header(POSITION_HEADER, str(position_found(found)))
        respond_tagged(req, resp, self._reads.answer_from(read, found.of_first(1)))

    async def _find(self, wanted: SlotFilter, viewer_id: int | None) -> tuple[TimeSlotsRead, Found]:
        """Days lie elsewhere in each zone, and which zones there are is known only with the answer."""
        zones = self._zones_seen
        for _ in range(ZONES_TRIES):
            read = TimeSlotsRead(slot_list_read(wanted, zones), viewer_id)
            found = await self._reads.find(read)
            zones = zones_found(found)
            if zones == read.asked.zones:
                return read, found
            self._zones_seen = zones
        raise unavailable("Time zones are being changed; try again in a moment")

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
