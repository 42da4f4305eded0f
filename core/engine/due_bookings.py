"""What is due by the clock: holds that have lapsed, bookings that have begun or ended.

The sweep names them and sends each lane one bounded command; the lane decides. While a lane's last
command of the kind still waits it gets no other, so a lane that is behind is not buried. A command
that was put off holds up only the bookings that it names.
Safe to run twice at once: a booking that was moved on already is not due any more when it is decided.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from msgspec import Struct

from core.domain.commands import CommandClass, ExpireDue, MoveOn, name_of
from core.store.bookings.due import Due, read_clock_commands, read_due, read_purchases
from core.store.connections.database import Connection
from core.store.inbox.acceptance import NewCommand, engine_command, enqueue
from core.store.inbox.lane_batches import lane_count
from core.store.inbox.partition_keys import partition_key

DUE_BATCH = 250
"""Bookings in one command; a lane is closed to people while it decides them."""

KINDS: tuple[tuple[Due, type[ExpireDue | MoveOn]], ...] = (
    (Due.LAPSED, ExpireDue),
    (Due.BEGUN, MoveOn),
    (Due.ENDED, MoveOn),
)


class SentDue(Struct, frozen=True):
    lanes: set[int]
    """To be rung."""
    more: bool
    """Something is left that found no place in a command."""


def send_due(connection: Connection) -> SentDue:
    """Send each lane what is due in it."""
    lanes = lane_count(connection)
    found = read_clock_commands(connection)
    waiting = {(one.lane, one.type) for one in found if not one.was_put_off}
    put_off = {(one.type, id_) for one in found if one.was_put_off for id_ in one.booking_ids}
    commands: list[NewCommand] = []
    more = False
    for due, command in KINDS:
        type_ = name_of(command)
        for lane, (key, all_ids) in _by_lane(connection, due, lanes).items():
            ids = [id_ for id_ in all_ids if (type_, id_) not in put_off]
            if not ids:
                continue
            if (lane, type_) in waiting:
                more = True
                continue
            named = _fitting(connection, ids[:DUE_BATCH])
            clock = CommandClass.EXPIRY
            commands.append(engine_command(command(named), key, request_prefix="due", command_class=clock))
            more = more or len(ids) >= DUE_BATCH or len(named) < len(ids)
    if not commands:
        return SentDue(set(), more)
    return SentDue({lane for _, lane in enqueue(connection, commands)}, more)


def _by_lane(connection: Connection, due: Due, lanes: int) -> dict[int, tuple[str, list[int]]]:
    """Due bookings by their home lane, with a partition key that leads there."""
    found: dict[int, tuple[str, list[int]]] = {}
    for booking in read_due(connection, due):
        key = partition_key(booking.resource_id, booking.day)
        _, ids = found.setdefault(zlib.crc32(key.encode()) % lanes, (key, []))
        ids.append(booking.id)
    return found


def _fitting(connection: Connection, ids: Sequence[int]) -> tuple[int, ...]:
    """As many of these bookings, in order, as a lane decides at once together with their purchases."""
    purchases = read_purchases(connection, ids)
    counted: set[int] = set()
    weight = 0
    for n, id_ in enumerate(ids):
        purchase = purchases.get(id_)
        whole, parts = (purchase.id, purchase.parts) if purchase else (id_, 0)
        weight += 0 if whole in counted else 1 + parts
        counted.add(whole)
        if weight > DUE_BATCH:
            return tuple(ids[: max(n, 1)])
    return tuple(ids)
