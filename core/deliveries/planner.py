"""The planner: asks each sender what follows from the feed, and moves its cursor on, in one transaction a page.

It never plans old things again. A cursor of another epoch means that the feed began anew, perhaps in a restored
database; a cursor before the first event that is kept means that something was deleted unread. It says so, in the log,
in the cursor's row and to the sender, and goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import psycopg
import structlog
from msgspec import Struct

from core.deliveries.sender import Gap, Sender
from core.store.connections.database import Connection
from core.store.deliveries.ahead import TAKEN_AT_ONCE, plan_ahead, take_due
from core.store.deliveries.cursors import (
    OLD_S,
    Cursor,
    add,
    lock_cursor,
    move_cursor,
    note_missed,
    park_old,
    senders_behind,
)
from core.store.feed import FeedEvent, Position, events_after

log = structlog.get_logger()

PAGE_EVENTS = 200


class Planned(Struct, frozen=True):
    """What one call has planned."""

    deliveries: int = 0
    more: bool = False
    """A page was full: there may be more at once."""


def plan(connection: Connection, senders: Sequence[Sender]) -> Planned:
    """Plan a page of the feed for each sender that is behind, and what has come due by the clock. One query if nothing is."""
    by_name = {one.name: one for one in senders}
    deliveries, more = 0, False
    for name in senders_behind(connection, list(by_name)):
        try:
            planned = plan_page(connection, by_name[name])
        except psycopg.Error:
            raise
        except Exception:  # a bug of one sender stops this one only: its lag says so, and nothing is lost
            log.exception("a sender could not plan its deliveries", sender=name)
            continue
        deliveries, more = deliveries + planned.deliveries, more or planned.more
    return Planned(deliveries, more)


def plan_page(connection: Connection, sender: Sender) -> Planned:
    with connection.transaction():
        cursor = lock_cursor(connection, sender.name)
        if cursor is None:
            return Planned()
        if cursor.epoch != cursor.feed_epoch:
            return _begin_epoch(connection, sender, cursor)
        events = events_after(connection, cursor.position, PAGE_EVENTS)
        told = _tell_trimmed(connection, sender, cursor, events)
        planned = sender.plan(connection, events) if events else []
        plan_ahead(connection, sender.name, [one for one in planned if one.due_at is not None])
        due = take_due(connection, sender.name)
        now = [*due, *(one for one in planned if one.due_at is None)]
        new = add(connection, sender.name, now, _old_before(cursor)) if now else 0
        move_cursor(connection, sender.name, cursor.epoch, events[-1].number if events else cursor.head)
    if new or told:
        log.info("deliveries planned", sender=sender.name, events=len(events), deliveries=new + told)
    return Planned(new + told, more=len(events) == PAGE_EVENTS or len(due) == TAKEN_AT_ONCE)


def _begin_epoch(connection: Connection, sender: Sender, cursor: Cursor) -> Planned:
    """Set aside what waits from long before it, a piece a call; then go on in the new epoch from the same place."""
    parked = park_old(connection, sender.name)
    if parked:
        log.warning("deliveries of before a new epoch are parked", sender=sender.name, deliveries=parked)
        return Planned(more=True)
    position = min(cursor.position, cursor.head)
    move_cursor(connection, sender.name, cursor.feed_epoch, position)
    gap = Gap(0, "new_epoch", Position(cursor.feed_epoch, position))
    return Planned(_tell(connection, sender, gap), more=True)


def _tell_trimmed(connection: Connection, sender: Sender, cursor: Cursor, events: Sequence[FeedEvent]) -> int:
    """Positions are dense: a jump is trimmed history."""
    missing = (events[0].number - 1 if events else cursor.head) - cursor.position
    if missing <= 0:
        return 0
    return _tell(connection, sender, Gap(missing, "trimmed", Position(cursor.epoch, cursor.position + missing)))


def _tell(connection: Connection, sender: Sender, gap: Gap) -> int:
    note_missed(connection, sender.name, gap.events, gap.why)
    log.error(
        "the feed has a gap for a sender",
        sender=sender.name,
        why=gap.why,
        events=gap.events,
        position=str(gap.position),
    )
    return add(connection, sender.name, sender.plan_gap(connection, gap))


def _old_before(cursor: Cursor) -> datetime | None:
    return cursor.epoch_began_at and cursor.epoch_began_at - timedelta(seconds=OLD_S)
