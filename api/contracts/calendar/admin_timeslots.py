"""`/api/admin/timeslots/`: staff create, change and delete time slots (docs/contracts/calendar.md)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, ClassVar, Literal

import falcon.asgi
import msgspec
from msgspec import UNSET, Struct, UnsetType

from api.commands.commands import Commands
from api.contracts.calendar.examples import SLOT, SLOT_CHANGE
from api.contracts.calendar.lookups import (
    partition_key_of_day,
    partition_key_of_slot,
    read_category,
    read_slot,
)
from api.contracts.calendar.pagination import PAGE_MAX, PageLimit
from api.contracts.calendar.timeslots import SLOT_PAGE, respond_page, visible_to
from api.contracts.changes import check_unchanged
from api.http.bodies import read_json
from api.http.fields import Id
from api.http.forms import Rules
from api.http.moments import Moment, check_span, ends_later, moment
from api.http.parameters import Offset, read_query
from api.http.responses import respond
from api.openapi import Content, operation
from core.domain.commands import ChangeSlot, IfBooked, OfferSlot, RemoveSlot
from core.domain.resources.local_time import local
from core.domain.values import TimeSlot
from core.store.connections.pool import Pool
from core.store.lists.calendar import SlotFilter, list_slots
from core.wire.contracts.calendar import ChangedSlot, SlotDeleted, StaffSlot
from core.wire.errors import FieldProblem
from core.wire.vocabulary import zulu

STATUSES = {"booked": True, "available": False}


class CategoryGiven(Struct, frozen=True):
    """A category as lists show it; its id is what counts."""

    id: Id
    name: str = ""


def _ends_later(body: NewSlot | SlotChange) -> Iterator[FieldProblem]:
    start, end = body.start_time, body.end_time
    if not isinstance(start, UnsetType) and not isinstance(end, UnsetType):
        yield from ends_later(start, end)


class NewSlot(Struct, frozen=True, forbid_unknown_fields=True):
    """The body."""

    start_time: Moment
    end_time: Moment
    category: Id | CategoryGiven

    rules: ClassVar[Rules] = (_ends_later,)


class SlotChange(Struct, frozen=True, forbid_unknown_fields=True):
    """The body. Only what is sent changes; read-only fields may be sent back as they are."""

    start_time: Moment | UnsetType = UNSET
    end_time: Moment | UnsetType = UNSET
    category: Id | CategoryGiven | UnsetType = UNSET
    id: Any = UNSET
    is_booked: Any = UNSET
    booked_by_me: Any = UNSET
    booking: Any = UNSET
    booking_change: Any = UNSET

    rules: ClassVar[Rules] = (_ends_later,)


READ_ONLY = ("id", "is_booked", "booked_by_me", "booking")


class AdminSlotsQuery(Struct, frozen=True):
    date: date | None = None
    category: Id | None = None
    status: Literal["booked", "available"] | None = None
    limit: PageLimit = PAGE_MAX
    offset: Offset = 0


class SlotChangeQuery(Struct, frozen=True):
    """What to do with the booking of a booked slot."""

    if_booked: Literal["refuse", "move", "cancel"] = "refuse"


class AdminTimeSlots:
    def __init__(self, commands: Commands, pool: Pool) -> None:
        self._commands = commands
        self._pool = pool

    @operation(
        "List time slots with their bookings",
        description="By start time. Days are local to each category.",
        query=AdminSlotsQuery,
        answers={200: Content(list[StaffSlot], headers=SLOT_PAGE)},
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        query = read_query(req, AdminSlotsQuery)
        day, taken = query.date, STATUSES[query.status] if query.status else None
        wanted = SlotFilter(query.limit, query.offset, first=day, last=day, category_id=query.category, taken=taken)
        async with self._pool.connection() as connection:
            found = await list_slots(connection, wanted)
        respond_page(req, resp, wanted, found)

    @operation(
        "Create a time slot",
        description="Times without an offset are local to the category. Slots of one category may not overlap.",
        body=Content(NewSlot, example=SLOT),
        answers={201: StaffSlot},
        refuses=("category_not_found", "local_time_skipped", "in_the_past", "time_slot_overlaps"),
        command=True,
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        body = await read_json(req, NewSlot)
        category = await read_category(self._pool, id_of(body.category))
        zone = category.resource.zone
        starts_at = moment("start_time", body.start_time, zone)
        ends_at = moment("end_time", body.end_time, zone)
        check_span(starts_at, ends_at)
        key = partition_key_of_day(category, local(starts_at, zone).date())
        command = OfferSlot(category.id, starts_at, ends_at)
        await self._commands.run(req, resp, contract="calendar", partition_key=key, command=command)


class AdminTimeSlot:
    def __init__(self, commands: Commands, pool: Pool) -> None:
        self._commands = commands
        self._pool = pool

    @operation("Read a time slot", answers={200: StaffSlot}, refuses=("time_slot_not_found",))
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, time_slot_id: int) -> None:
        respond(resp, visible_to(req.context.principal, await read_slot(self._pool, time_slot_id)))

    @operation(
        "Change a time slot",
        description=(
            "Only what is sent changes; read-only fields may be sent back as they are. A change of a booked slot is "
            "refused unless `if_booked` says what to do with its booking. `booking_change` in the answer says what "
            "was done."
        ),
        query=SlotChangeQuery,
        body=Content(SlotChange, example=SLOT_CHANGE),
        answers={200: ChangedSlot},
        refuses=(
            "category_not_found",
            "time_slot_not_found",
            "local_time_skipped",
            "in_the_past",
            "time_slot_overlaps",
            "time_slot_booked",
            "slot_taken",
        ),
        command=True,
    )
    async def on_put(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, time_slot_id: int) -> None:
        if_booked = IfBooked(read_query(req, SlotChangeQuery).if_booked)
        body = await read_json(req, SlotChange)
        found = await read_slot(self._pool, time_slot_id)
        shown = msgspec.to_builtins(visible_to(req.context.principal, found))
        check_unchanged(body, {name: shown[name] for name in READ_ONLY})
        command = await self._change(found.slot, body, if_booked)
        await self._commands.run(
            req, resp, contract="calendar", partition_key=partition_key_of_slot(found.slot), command=command
        )

    @operation(
        "Delete a time slot and cancel its booking",
        description="One command: its booking is cancelled as staff cancel it, and refunded if it was paid.",
        answers={200: SlotDeleted},
        refuses=("time_slot_not_found",),
        command=True,
    )
    async def on_delete(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, time_slot_id: int) -> None:
        found = await read_slot(self._pool, time_slot_id)
        command = RemoveSlot(time_slot_id)
        await self._commands.run(
            req, resp, contract="calendar", partition_key=partition_key_of_slot(found.slot), command=command
        )

    async def _change(self, slot: TimeSlot, body: SlotChange, if_booked: IfBooked) -> ChangeSlot:
        """A time without an offset is local to the category that the slot will have."""
        category = slot.category
        if not isinstance(body.category, UnsetType):
            category = await read_category(self._pool, id_of(body.category))
        zone = category.resource.zone
        start = zulu(slot.starts_at) if isinstance(body.start_time, UnsetType) else body.start_time
        end = zulu(slot.ends_at) if isinstance(body.end_time, UnsetType) else body.end_time
        starts_at, ends_at = moment("start_time", start, zone), moment("end_time", end, zone)
        check_span(starts_at, ends_at)
        return ChangeSlot(slot.id, category.id, starts_at, ends_at, if_booked)


def id_of(given: int | CategoryGiven) -> int:
    return given if isinstance(given, int) else given.id
