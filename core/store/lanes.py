"""A lane's batch: lock, then read what waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from msgspec import Struct

from core.domain.commands import SCHEMA_VERSION
from core.store.database import Connection
from core.store.inbox import CLASS_COLUMN, SQL_READ_LANE, Waiting, waiting

T = TypeVar("T")

BATCH_COMMANDS = 200
EXPIRY_SHARE = 40
BULK_SHARE = 40
"""Places of a batch kept for waiting lower classes, so that none starves."""

LANE_SPACE = 0x4C414E45
"""First key of every lane's advisory lock (ASCII "LANE"); the second is the lane's number."""

SQL_READ_NOTE = "SELECT ids FROM lane_note WHERE lane = %s"

SQL_LOCK_LANE = "SELECT pg_try_advisory_xact_lock(%s, %s)"
"""A statement of its own: locked and read in one, the read would see a snapshot older than the lock."""


class LaneRead(Struct, frozen=True):
    """What waits in a lane, and what its note says. Nothing of it counts unless `locked`."""

    locked: bool
    waiting: list[Waiting]
    noted: list[UUID]


def begin_lane(connection: Connection, lane: int, limit: int = BATCH_COMMANDS) -> LaneRead:
    """Begin a transaction, try the lane's lock, then read at most `limit` commands: one round trip.

    Each statement takes its own snapshot, so the read is newer than the lock. The caller commits
    or rolls back, also when the lock was not to be had.
    """
    parameters = {"lane": lane, "version": SCHEMA_VERSION, "limit": limit}
    with connection.pipeline():
        connection.execute("BEGIN")
        locked = connection.execute(SQL_LOCK_LANE, (LANE_SPACE, lane))
        rows = connection.execute(SQL_READ_LANE, parameters)
        note = connection.execute(SQL_READ_NOTE, (lane,))
        by_class: list[list[tuple[Any, ...]]] = [[], [], []]
        for row in rows.fetchall():
            by_class[row[CLASS_COLUMN]].append(row)
        noted, got = note.fetchone(), locked.fetchone()
    found = [waiting(row) for row in share(*by_class, limit=limit)]
    return LaneRead(bool(got and got[0]), found, list(noted[0]) if noted else [])


def lock_lane(connection: Connection, lane: int) -> bool:
    """Take the lane until the end of the transaction; False if another worker has it."""
    row = connection.execute(SQL_LOCK_LANE, (LANE_SPACE, lane)).fetchone()
    return bool(row and row[0])


def share(people: Sequence[T], expiry: Sequence[T], bulk: Sequence[T], *, limit: int) -> list[T]:
    """Cut a batch from what waits: people first, but lower classes keep their share of places."""
    kept_bulk = min(len(bulk), BULK_SHARE)
    kept_expiry = min(len(expiry), EXPIRY_SHARE)
    people = people[: limit - kept_bulk - kept_expiry]
    expiry = expiry[: limit - len(people) - kept_bulk]
    return [*people, *expiry, *bulk[: limit - len(people) - len(expiry)]]
