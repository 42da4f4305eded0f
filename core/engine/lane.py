"""Deciding lanes: lock, read a batch, decide each command, persist all in one transaction.

Lanes that rang together are visited together, for most of a visit's cost does not depend on how
many commands it decides. What can go wrong and what is done (design, "Lanes"):

* another worker has a lane: it is reported busy, and the caller leaves it out for a moment;
* a row went to somebody else between load and save: the batch is loaded and decided again;
* a batch of several lanes fails: its lanes are visited one by one;
* a lane's batch fails (a bug, bad data, a constraint): it is decided again in halves, in order,
  until the culprit stands alone; alone it is charged an attempt, and after three it is parked;
* an outage (connection, resources, timeouts) charges nobody and goes to the caller;
* a command kills its worker: the lane's note, left behind, tells the next owner to halve;
* a command cannot be decoded: if it is malformed it is parked, if it is a newer worker's it is not even read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress

import psycopg
import structlog
from msgspec import Struct
from msgspec.structs import replace
from psycopg.pq import TransactionStatus

from core.domain.commands import Envelope
from core.domain.decide import decide
from core.domain.events import CommandDeferred, CommandStepped, Event
from core.domain.evolve import evolve
from core.domain.paying import conclusions
from core.domain.state import State
from core.domain.values import Policy
from core.engine.blame import is_lost_race, is_outage
from core.engine.ids import fresh_ids
from core.engine.note import LaneNotes
from core.engine.park import Parked, charge, park_malformed
from core.store.database import Connection
from core.store.inbox import DEFERRED, Waiting
from core.store.lanes import (
    BATCH_COMMANDS,
    LanesRead,
    begin_lanes,
    first_of,
    is_full,
    lock_lane,
    may_have_more,
    part_of,
)
from core.store.load import load
from core.store.save import Decided, save
from core.wire.outcomes import render

log = structlog.get_logger()

MAX_RACES = 8
"""Lost races in a row before a batch counts as failed; each is lost to somebody's success."""


class Turn(Struct, frozen=True):
    """What one visit did; lanes by number."""

    busy: frozenset[int] = frozenset()
    """Held by another worker."""
    decided: Sequence[Decided] = ()
    more: frozenset[int] = frozenset()
    """Something may still wait: ring again."""
    full: bool = False
    """As much was decided as a batch holds."""
    parked: Sequence[Parked] = ()
    """Commands that could not be decoded."""


class Lanes:
    """The lanes, as one worker visits them."""

    def __init__(
        self, connection: Connection, notes: LaneNotes, policy: Policy, *, initial_password_hash: str | None = None
    ) -> None:
        """`initial_password_hash` is what people get whom a command makes known; None: no password."""
        self._connection = connection
        self._notes = notes
        self._policy = policy
        self._initial_password_hash = initial_password_hash
        self._batch: Sequence[Waiting] = ()
        self._taken = 0
        """By the last visit."""
        self._apart: set[int] = set()
        """Lanes with a command under suspicion, so that it does not drag others down."""

    def visit(self, numbers: Collection[int]) -> Turn:
        """Decide one bounded batch. Raises what `is_outage` recognises; nothing is lost by it."""
        apart = self._apart.intersection(numbers)
        if not apart and len(numbers) > 1:
            turn = self._visit_together(numbers)
            return replace(turn, more=turn.more | self._apart.intersection(numbers))
        number = min(apart or numbers)
        self._apart.discard(number)
        turn = self._visit_alone(number)
        return replace(turn, more=turn.more | (set(numbers) - {number}))

    def _visit_together(self, numbers: Collection[int]) -> Turn:
        for _ in range(MAX_RACES):
            try:
                return self._try(lambda: self._decide_together(numbers))
            except Exception as problem:  # a race, an outage, or a bug that one command must answer for alone
                if is_lost_race(problem):
                    continue
                if is_outage(problem):
                    self._forget()
                    raise
                log.warning("lanes are decided one by one", lanes=sorted(numbers), problem=repr(problem))
                break
        self._apart.update(numbers)
        return Turn(more=frozenset(numbers))

    def _decide_together(self, numbers: Collection[int]) -> Turn:
        read = begin_lanes(self._connection, numbers)
        if read.malformed:
            return self._park(read)
        self._apart |= {number for number in read.locked if self._has_suspects(read, number)}
        waiting = {number: found for number, found in read.waiting.items() if number not in self._apart}
        self._batch = batch = first_of(waiting.values(), lambda all_: part_of(all_, self._taken))
        self._taken = len(batch)
        decided = self._decide(batch) if batch else []
        more = _left(waiting, batch) | _stepped(batch, decided)
        return Turn(frozenset(numbers) - read.locked, decided, more, is_full(batch))

    def _has_suspects(self, read: LanesRead, number: int) -> bool:
        waiting = read.waiting[number]
        inherited = set(self._notes.inherited(number, read.noted.get(number, ())))
        return any(one.attempts or one.envelope.id in inherited for one in waiting)

    def _visit_alone(self, number: int) -> Turn:
        limit, races = BATCH_COMMANDS, 0
        while True:
            try:
                return self._try(lambda: self._decide_alone(number, limit))  # noqa: B023 - called at once
            except Exception as problem:  # the same three; a bug is halved until its command stands alone
                if is_lost_race(problem) and races < MAX_RACES:
                    races += 1
                    continue
                if is_outage(problem) or not self._batch:
                    self._forget()
                    raise
                if len(self._batch) == 1:
                    return self._charge(self._batch[0], problem)
                limit = max(1, len(self._batch) // 2)
                log.warning("batch halved", lane=number, limit=limit, problem=repr(problem))

    def _decide_alone(self, number: int, limit: int) -> Turn:
        read = begin_lanes(self._connection, [number])
        if number not in read.locked:
            return Turn(busy=frozenset({number}))
        if read.malformed:
            return self._park(read)
        inherited = self._notes.inherited(number, read.noted.get(number, ()))
        waiting = first_of(read.waiting.values())
        self._batch = batch = cut(waiting, inherited, limit)
        if not batch:
            return Turn()
        if len(batch) == 1 and inherited == [batch[0].envelope.id] and self._notes.owner_died(self._connection, number):
            self._notes.write({number: []})
            decided = charge(self._connection, batch[0], "its worker died deciding it")
            return Turn(decided=decided, more=frozenset({number}))
        decided = self._decide(batch)
        more = _left(read.waiting, batch) | _stepped(batch, decided)
        return Turn(decided=decided, more=more, full=is_full(batch))

    def _park(self, read: LanesRead) -> Turn:
        """Out of the way first; the others are decided by the next visit."""
        return Turn(parked=park_malformed(self._connection, read.malformed), more=read.locked)

    def _try(self, turn: Callable[[], Turn]) -> Turn:
        self._batch = ()
        try:
            done = turn()
        except BaseException:
            with suppress(psycopg.Error):
                self._connection.rollback()
            raise
        if self._connection.info.transaction_status is not TransactionStatus.IDLE:
            self._connection.execute("COMMIT")  # of a visit that saved nothing
        return done

    def _decide(self, batch: Sequence[Waiting]) -> list[Decided]:
        self._note(batch)
        envelopes = [one.envelope for one in batch]
        loaded = load(self._connection, envelopes, self._policy)
        ids = fresh_ids(loaded)
        decided: list[Decided] = []
        for envelope in envelopes:
            events = decide(loaded.state, envelope, loaded.now, ids)
            for event in events:
                evolve(loaded.state, event)
            decided += _answers(loaded.state, envelope, events)
        save(self._connection, decided, loaded.now, initial_password_hash=self._initial_password_hash)
        if stepped := _stepped(batch, decided):
            self._notes.write({lane: [] for lane in stepped})  # what is done in part stays in the inbox, unsuspected
        return decided

    def _note(self, batch: Sequence[Waiting]) -> None:
        lanes = {one.lane for one in batch}
        self._notes.write({lane: [one.envelope.id for one in batch if one.lane == lane] for lane in lanes})

    def _charge(self, one: Waiting, problem: Exception) -> Turn:
        """In a transaction of its own: what failed with the command is rolled back already."""
        ids = {"command_id": str(one.envelope.id), "request_id": one.envelope.request_id}
        log.error("command failed alone", lane=one.lane, **ids, exc_info=problem)
        with self._connection.transaction():
            if not lock_lane(self._connection, one.lane):
                return Turn(busy=frozenset({one.lane}))
            self._notes.write({one.lane: []})
            return Turn(decided=charge(self._connection, one, repr(problem)), more=frozenset({one.lane}))

    def _forget(self) -> None:
        """An outage is no death: the next owner need not look for a culprit."""
        lanes = {one.lane for one in self._batch}
        try:
            self._notes.write({lane: [] for lane in lanes})
        except psycopg.Error:
            log.info("the notes stay: the database is away", lanes=sorted(lanes))


def _answers(state: State, envelope: Envelope, events: tuple[Event, ...]) -> Iterator[Decided]:
    """A command's answer, and those of the commands that waited for what it brought about."""
    if isinstance(events[-1], CommandStepped):
        yield Decided(envelope, events, DEFERRED)
    elif isinstance(events[-1], CommandDeferred):
        state.followers.setdefault(events[-1].payment_id, []).append(envelope)
        yield Decided(envelope, events, DEFERRED)
    else:
        yield Decided(envelope, events, render(envelope, events, state))
    for follower, answer in conclusions(state, events):
        yield Decided(follower, answer, render(follower, answer, state))


def _left(waiting: Mapping[int, Sequence[Waiting]], batch: Sequence[Waiting]) -> frozenset[int]:
    """Lanes of which the batch did not take all that waits."""
    taken = Counter(one.lane for one in batch)
    return frozenset(number for number, found in waiting.items() if len(found) > taken[number] or may_have_more(found))


def _stepped(batch: Sequence[Waiting], decided: Sequence[Decided]) -> frozenset[int]:
    """Lanes in which a command waits for its next step."""
    begun = {one.envelope.id for one in decided if isinstance(one.events[-1], CommandStepped)}
    return frozenset(one.lane for one in batch if one.envelope.id in begun) if begun else frozenset()


def cut(found: Sequence[Waiting], inherited: Sequence[object], limit: int) -> list[Waiting]:
    """The batch of one lane to try now.

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
