"""A lane's next batch: lock lanes, read what waits in them, and cut a batch from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import accumulate, chain, takewhile
from math import ceil
from typing import Any
from uuid import UUID

from msgspec import Struct

from core.domain.commands import DECIDED_CLASSES, CommandClass
from core.store.connections.database import AsyncConnection, Connection, installed
from core.store.connections.round_trip import RoundTrip
from core.store.inbox.reading import LANES_LOCKED, SQL_READ_LANES, SQL_READ_LAST, Undecoded, Waiting, waiting

BATCH_COMMANDS = 200
"""Places of a batch. A command takes as many as it weighs (`core.domain.command_table`): most take one."""
EXPIRY_SHARE = 40
BULK_SHARE = 40
"""Places of a batch kept for waiting lower classes, so that none starves."""
BULK_MOST = 100
"""Places that bulk may take: people who come meanwhile wait for the batch under way."""

PEOPLE_PART = 0.4
"""The part that a batch takes of the commands of people that wait, or were in the batch before it."""
PEOPLE_MIN = 12
"""It takes so many in any case, if they wait."""

LANE_SPACE = 0x4C414E45
"""First key of every lane's advisory lock (ASCII "LANE"); the second is the lane's number."""

SQL_READ_NOTES = f"SELECT lane, ids FROM lane_note WHERE lane = ANY({LANES_LOCKED})"

SQL_LOCK_LANES = """
SELECT set_config('holdfast.lanes', coalesce(array_agg(lane)::text, '{}'), true)::integer[]
FROM unnest(%s::integer[]) AS l (lane) WHERE pg_try_advisory_xact_lock(%s, lane)
"""
"""A statement of its own: a statement that locks and reads would see a snapshot older than the lock. It never waits, so
workers that want the same lanes cannot deadlock. The transaction keeps the locked lanes in a setting for the statement
that reads: both go in one round trip, and other workers' lanes are not read."""
SQL_HOLD_LANES = """
SELECT pg_advisory_xact_lock(%s, lane) FROM (SELECT generate_series(0, lanes - 1) AS lane FROM installation) AS lanes
"""
# In the lanes' order and before any row, as everything that locks several does; lanes never wait for each other.


def lane_count(connection: Connection) -> int:
    """The number of lanes that this database has now: `HOLDFAST_LANES` at its last migration."""
    return int(installed(connection.execute("SELECT lanes FROM installation").fetchone(), "installation row")[0])


class LanesRead(Struct, frozen=True):
    """What waits in the lanes that could be locked, lane by lane in the order of deciding."""

    locked: frozenset[int]
    waiting: dict[int, list[Waiting]]
    noted: dict[int, list[UUID]]
    malformed: Sequence[Undecoded] = ()
    """Commands of a known type and version that cannot be decoded."""


def begin_lanes(connection: Connection, lanes: Collection[int], limit: int = BATCH_COMMANDS) -> LanesRead:
    """Begin a transaction, try the lanes' locks, then read at most `limit` commands of each class
    and lane: one round trip.

    Each statement takes its own snapshot, so the read is newer than the locks. The caller commits
    or rolls back, also when no lock was to be had.
    """
    numbers = sorted(lanes)
    parameters = {"limit": limit, "bulk": BULK_MOST}
    with RoundTrip(connection) as trip:
        trip.execute("BEGIN")
        locks = trip.execute(SQL_LOCK_LANES, (numbers, LANE_SPACE))
        rows = trip.execute(SQL_READ_LANES, parameters)
        notes = trip.execute(SQL_READ_NOTES)
    locked = _locked(locks.fetchone())
    noted = {lane: list(ids) for lane, ids in notes.fetchall()}
    by_lane: dict[int, list[Waiting]] = {lane: [] for lane in sorted(locked)}
    malformed: list[Undecoded] = []
    for row in rows.fetchall():
        one = waiting(row)
        if isinstance(one, Waiting):
            by_lane[one.lane].append(one)
        else:
            malformed.append(one)
    return LanesRead(locked, by_lane, noted, malformed)


async def hold_all_lanes(connection: AsyncConnection) -> None:
    """Wait until no lane is at work, and hold all of them up until the end of the transaction."""
    await connection.execute(SQL_HOLD_LANES, (LANE_SPACE,))


def last_of(connection: Connection, lane: int) -> list[Waiting]:
    """The last command of a lane that is locked, if it has any and it can be decoded."""
    found = [waiting(row) for row in connection.execute(SQL_READ_LAST.encode(), (lane,)).fetchall()]
    return [one for one in found if isinstance(one, Waiting)]


def lock_lane(connection: Connection, lane: int) -> bool:
    """Take the lane until the end of the transaction; False if another worker has it."""
    return bool(_locked(connection.execute(SQL_LOCK_LANES, ([lane], LANE_SPACE)).fetchone()))


def _locked(row: tuple[Any, ...] | None) -> frozenset[int]:
    return frozenset(row[0] if row else ())


def people_to_take(waiting: int, taken_before: int) -> int:
    """How many commands of people a batch takes of those that wait, after a batch that took `taken_before`; all if they
    fill it.

    Clients that are answered send their next request at once. If a batch took all that waits, all would come back
    together: the API would work while the lanes wait, and the other way round. So it takes a little less than half of
    the clients' commands, and while it decides them the others arrive.
    """
    if waiting >= BATCH_COMMANDS:
        return waiting
    return max(PEOPLE_MIN, ceil(PEOPLE_PART * (waiting + taken_before)))


def cut_batch(
    found: Iterable[Sequence[Waiting]], people_most: Callable[[int], int] = lambda all_: all_
) -> list[Waiting]:
    """The next batch of what waits in some lanes, the oldest first in each class. `people_most` says how many of the people
    who wait are taken.
    """
    by_class: list[list[Waiting]] = [[], [], []]
    for one in chain.from_iterable(found):
        by_class[one.command_class].append(one)
    for waiting_class in by_class:
        waiting_class.sort(key=lambda one: one.envelope.seq)
    people, expiry, bulk = (by_class[class_] for class_ in DECIDED_CLASSES)
    return share(people[: people_most(len(people))], expiry, bulk, limit=BATCH_COMMANDS)


def may_have_more(found: Sequence[Waiting]) -> bool:
    """Whether a lane may have more than what was read of it."""
    weights = Counter[CommandClass]()
    for one in found:
        weights[one.command_class] += one.weight
    return any(weight >= _most(class_) for class_, weight in weights.items())


def is_full(batch: Sequence[Waiting]) -> bool:
    """Whether the batch has no place left."""
    most = _most(batch[0].command_class) if batch else BATCH_COMMANDS
    return _weight(batch) >= most


def _most(command_class: CommandClass) -> int:
    return BULK_MOST if command_class is CommandClass.BULK else BATCH_COMMANDS


def share(
    people: Sequence[Waiting], expiry: Sequence[Waiting], bulk: Sequence[Waiting], *, limit: int
) -> list[Waiting]:
    """Cut a batch from what waits: people first, but lower classes keep their share of places."""
    kept_bulk, kept_expiry = min(_weight(bulk), BULK_SHARE), min(_weight(expiry), EXPIRY_SHARE)
    people = _filling(people, limit - kept_bulk - kept_expiry)
    left = limit - _weight(people)
    expiry = _filling(expiry, max(kept_expiry, left - kept_bulk))
    left -= _weight(expiry)
    places = BULK_SHARE if people else BULK_MOST
    return [*people, *expiry, *_filling(bulk, max(kept_bulk, min(places, left)))]


def _weight(commands: Iterable[Waiting]) -> int:
    return sum(one.weight for one in commands)


def _filling(commands: Sequence[Waiting], places: int) -> list[Waiting]:
    """Commands in order, as far as they fit by weight; a first one that is too heavy gets the places alone."""
    ends = accumulate(one.weight for one in commands)
    fitting = [one for one, _ in takewhile(lambda pair: pair[1] <= places, zip(commands, ends, strict=True))]
    return fitting or list(commands[: places > 0])
