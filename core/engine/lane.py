"""Deciding one lane: lock, read a batch, decide each command, persist all in one transaction.

What can go wrong and what is done (design, "Lanes"):

* another worker has the lane: `Turn.busy`, and the caller leaves the lane out for a moment;
* a row went to somebody else between load and save: the batch is loaded and decided again;
* the batch fails (a bug, bad data, a constraint): it is decided again in halves, in order,
  until the culprit stands alone; alone it is charged an attempt, and after three it is parked;
* an outage (connection, resources, timeouts) charges nobody and goes to the caller;
* a command kills its worker: the lane's note, left behind, tells the next owner to halve.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import psycopg
import structlog
from msgspec import Struct

from core.domain.decide import decide
from core.domain.evolve import evolve
from core.domain.values import Policy
from core.engine.ids import fresh_ids
from core.engine.note import LaneNotes
from core.engine.park import charge
from core.store.database import Connection
from core.store.inbox import Waiting
from core.store.lanes import BATCH_COMMANDS, begin_lane, lock_lane
from core.store.load import load
from core.store.save import BatchLostRace, Decided, save
from core.wire.outcomes import render

log = structlog.get_logger()

MAX_RACES = 8
"""Lost races in a row before a batch counts as failed; each is lost to somebody's success."""
LOST_RACE_STATES = frozenset({"23P01", "23505", "23503", "40P01", "40001"})
"""Exclusion and unique violations, deadlock, serialization. An overlap may deadlock instead of violating.
A missing foreign key too: the user that a booking names was not inserted because somebody else's was."""

OUTAGE_CLASSES = ("08", "40", "53", "57")
OUTAGE_STATES = frozenset({"55P03", "25P03", "25P04"})
"""Connection, rollback (deadlock, serialization), resources, operator; lock and session timeouts."""


class Turn(Struct, frozen=True):
    """What one visit to a lane did."""

    busy: bool = False
    """Another worker holds the lane."""
    decided: Sequence[Decided] = ()
    more: bool = False
    """Something may still wait: ring again."""


def is_outage(problem: BaseException) -> bool:
    """Whether nobody's command is to blame: the database was away, full, or asked us to retry."""
    if not isinstance(problem, psycopg.Error):
        return False
    state = problem.sqlstate
    if state is None:
        return isinstance(problem, psycopg.OperationalError | psycopg.InterfaceError)
    return state.startswith(OUTAGE_CLASSES) or state in OUTAGE_STATES


def is_lost_race(problem: BaseException) -> bool:
    """Whether somebody else's commit came first: loaded again, the batch decides differently."""
    if isinstance(problem, BatchLostRace):
        return True
    return isinstance(problem, psycopg.Error) and problem.sqlstate in LOST_RACE_STATES


class Lane:
    """One lane, as one worker visits it."""

    def __init__(self, connection: Connection, notes: LaneNotes, number: int, policy: Policy) -> None:
        self._connection = connection
        self._notes = notes
        self.number = number
        self._policy = policy
        self._batch: Sequence[Waiting] = ()

    def visit(self) -> Turn:
        """Decide one bounded batch. Raises what `is_outage` recognises; nothing is lost by it."""
        limit, races = BATCH_COMMANDS, 0
        while True:
            try:
                return self._try(limit)
            except Exception as problem:
                if is_lost_race(problem) and races < MAX_RACES:
                    races += 1
                    continue
                if is_outage(problem) or not self._batch:
                    self._forget()
                    raise
                if len(self._batch) == 1:
                    return self._charge(self._batch[0], problem)
                limit = max(1, len(self._batch) // 2)
                log.warning("batch halved", lane=self.number, limit=limit, problem=repr(problem))

    def _try(self, limit: int) -> Turn:
        self._batch = ()
        try:
            turn = self._turn(limit)
        except BaseException:
            self._roll_back()
            raise
        self._connection.execute("COMMIT")
        return turn

    def _turn(self, limit: int) -> Turn:
        read = begin_lane(self._connection, self.number)
        if not read.locked:
            return Turn(busy=True)
        inherited = self._notes.inherited(self.number, read.noted)
        self._batch = batch = cut(read.waiting, inherited, limit)
        if not batch:
            return Turn()
        ids = [one.envelope.id for one in batch]
        if len(batch) == 1 and inherited == ids:
            self._notes.write(self.number, [])
            return Turn(decided=charge(self._connection, batch[0], "its worker died deciding it"), more=True)
        self._notes.write(self.number, ids)
        decided = self._decide(batch)
        return Turn(decided=decided, more=len(read.waiting) > len(batch) or len(batch) >= BATCH_COMMANDS)

    def _roll_back(self) -> None:
        with suppress(psycopg.Error):
            self._connection.rollback()

    def _decide(self, batch: Sequence[Waiting]) -> list[Decided]:
        envelopes = [one.envelope for one in batch]
        loaded = load(self._connection, envelopes, self._policy)
        ids = fresh_ids(loaded)
        decided = []
        for envelope in envelopes:
            events = decide(loaded.state, envelope, loaded.now, ids)
            for event in events:
                evolve(loaded.state, event)
            decided.append(Decided(envelope, events, render(envelope, events, loaded.state)))
        save(self._connection, decided, loaded.now)
        return decided

    def _charge(self, one: Waiting, problem: Exception) -> Turn:
        """In a transaction of its own: what failed with the command is rolled back already."""
        log.error("command failed alone", lane=self.number, command_id=str(one.envelope.id), exc_info=problem)
        with self._connection.transaction():
            if not lock_lane(self._connection, self.number):
                return Turn(busy=True)
            self._notes.write(self.number, [])
            return Turn(decided=charge(self._connection, one, repr(problem)), more=True)

    def _forget(self) -> None:
        """An outage is no death: the next owner need not look for a culprit."""
        try:
            self._notes.write(self.number, [])
        except psycopg.Error:
            log.info("the note stays: the database is away", lane=self.number)


def cut(found: Sequence[Waiting], inherited: Sequence[object], limit: int) -> list[Waiting]:
    """The batch to try now.

    First half of what a dead worker noted; else what waits, up to `limit`, but a command that
    has already failed alone is tried alone, so that it does not drag a batch down again.
    """
    suspects = set(inherited)
    left = [one for one in found if one.envelope.id in suspects]
    if left:
        return left[: max(1, len(inherited) // 2)]
    batch: list[Waiting] = []
    for one in found[:limit]:
        if one.attempts:
            return batch or [one]
        batch.append(one)
    return batch
