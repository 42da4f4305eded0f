"""Where a booking is, and where else it may go: for the lane that moves it, and for the request that asks for a move."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from core.domain.needs import Needs
from core.domain.state import State
from core.domain.values import RoomDetails
from core.store.catalogue.resources import ask_resources
from core.store.catalogue.rooms import ask_rooms
from core.store.connections.database import AsyncConnection
from core.store.connections.pipeline import QueryPipeline
from core.store.connections.queries import find_one

SQL_ROOM = """
SELECT id FROM room WHERE resource_id = %(resource)s ORDER BY id = %(present)s DESC, is_available DESC, id LIMIT 1
"""
"""Several rooms may share a resource: the booking stays in its room where it can."""
SQL_SLOT = """
SELECT s.id, s.category_id, s.ends_at FROM time_slot s JOIN category c ON c.id = s.category_id
WHERE s.starts_at = %(starts_at)s AND s.deleted_at IS NULL AND c.resource_id = %(resource)s
  AND (s.category_id = %(present)s OR %(others)s)
ORDER BY s.category_id = %(present)s DESC, s.id LIMIT 1
"""
SQL_CATEGORY = """
SELECT id FROM category WHERE resource_id = %(resource)s ORDER BY id = %(present)s DESC, id LIMIT 1
"""


class OfferedSlot(Struct, frozen=True):
    id: int
    category_id: int
    ends_at: datetime


def ask_places(pipeline: QueryPipeline, state: State, needs: Needs) -> None:
    """The resources and rooms of bookings that are to be moved. After these are locked."""
    moved = [state.bookings[id_] for id_ in needs.moved if id_ in state.bookings]
    ask_resources(pipeline, state, {booking.resource_id for booking in moved} - state.resources.keys())
    rooms = {booking.details.room_id for booking in moved if isinstance(booking.details, RoomDetails)}
    ask_rooms(pipeline, state, rooms - state.rooms.keys())


async def room_on(connection: AsyncConnection, resource_id: int, present: int) -> int | None:
    """A room on a resource: the present one, or else one that can be booked. None if it has no rooms."""
    row = await find_one(connection, SQL_ROOM, {"resource": resource_id, "present": present})
    return None if row is None else int(row[0])


async def category_on(connection: AsyncConnection, resource_id: int, present: int) -> int | None:
    """A category on a resource: the present one if it can be. None if it has no categories."""
    row = await find_one(connection, SQL_CATEGORY, {"resource": resource_id, "present": present})
    return None if row is None else int(row[0])


async def slot_at(
    connection: AsyncConnection, resource_id: int, starts_at: datetime, present: int, *, others: bool
) -> OfferedSlot | None:
    """The time slot that begins at a moment, of the present category if it has one; of `others` on the resource too."""
    values = {"resource": resource_id, "starts_at": starts_at, "present": present, "others": others}
    row = await find_one(connection, SQL_SLOT, values)
    return None if row is None else OfferedSlot(*row)
