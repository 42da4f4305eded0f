"""Categories and time slots that a request names, and the partitions that their commands go to."""

from __future__ import annotations

from datetime import date

from api.http.errors import Problem
from core.domain.resources.local_time import local
from core.domain.values import Category, TimeSlot
from core.store.catalogue import categories
from core.store.catalogue.changes import NotFoundError
from core.store.connections.pool import Pool
from core.store.inbox.partition_keys import partition_key
from core.store.lists.calendar import SlotFilter, SlotListed, list_slots
from core.wire.errors import FieldProblem


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
    """Of the commands that concern a time slot."""
    resource = slot.category.resource
    return partition_key(resource.id, local(slot.starts_at, resource.zone).date())


def partition_key_of_day(category: Category, day: date) -> str:
    return partition_key(category.resource.id, day)
