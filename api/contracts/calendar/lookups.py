"""What several of the calendar's routes read, and how they answer lists."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

import falcon.asgi
from msgspec import Meta
from psycopg_pool import AsyncConnectionPool

from api.http.errors import Problem
from core.domain.resources.local_time import local
from core.domain.values import Category, TimeSlot
from core.store.catalogue import categories
from core.store.catalogue.changes import NotFoundError
from core.store.inbox.partition_keys import partition_key
from core.store.lists.calendar import SlotFilter, SlotListed, list_slots
from core.wire.errors import FieldProblem

Pool = AsyncConnectionPool[Any]

PAGE_MAX = 1_000
"""The document knows no pages; what is more than this has a `Link` to it (RFC 8288)."""
PageLimit = Annotated[int, Meta(ge=1, le=PAGE_MAX)]

POSITION_HEADER = "Holdfast-Position"
MORE = {"Link": "Where more of the list is, if there is more: `rel=next`"}
POSITION = {POSITION_HEADER: "The feed's position that the list is true at: `/ws/calendar/` goes on from it"}


async def read_category(pool: Pool, category_id: int) -> Category:
    """Raises Problem 404."""
    try:
        async with pool.connection() as connection:
            return await categories.one(connection, category_id)
    except NotFoundError:
        words = "Category not found"
        raise Problem(404, "category_not_found", words, [FieldProblem("category", words)]) from None


async def read_slot(pool: Pool, time_slot_id: int, field: str = "time_slot_id") -> SlotListed:
    """Raises Problem 404."""
    async with pool.connection() as connection:
        found = await list_slots(connection, SlotFilter(limit=1, id=time_slot_id))
    if not found.slots:
        words = "Time slot not found"
        raise Problem(404, "time_slot_not_found", words, [FieldProblem(field, words)])
    return found.slots[0]


def partition_key_of_slot(slot: TimeSlot) -> str:
    """The lane that a time slot's commands live in."""
    resource = slot.category.resource
    return partition_key(resource.id, local(slot.starts_at, resource.zone).date())


def partition_key_of_day(category: Category, day: date) -> str:
    return partition_key(category.resource.id, day)


def add_next_link(req: falcon.asgi.Request, resp: falcon.asgi.Response, offset: int) -> None:
    """Say where the rest of a list is."""
    parameters = [(name, value) for name, value in req.params.items() if name != "offset"]
    query = urlencode([*parameters, ("offset", str(offset))], doseq=True)
    resp.append_link(f"{req.path}/?{query}", "next")
