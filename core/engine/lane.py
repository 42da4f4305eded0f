"""Deciding lanes: lock, read a batch, decide each command, persist all in one transaction.

Lanes that rang together are visited together, as most of a visit's cost does not depend on how many commands it
decides. What can go wrong and what is done (docs/lanes.md):

* another worker has a lane: it is reported busy, and the caller leaves it out for a moment;
* another transaction changed a row between load and save: the batch is loaded and decided again;
* a batch of several lanes fails: its lanes are visited one by one;
* a lane's batch fails (a bug, bad data, a constraint): it is decided again in halves, in order,
  until the command at fault is alone; then it is charged an attempt, and parked after three;
* an outage (connection, resources, timeouts) charges no command and goes to the caller;
* the database refuses a command that is not at fault (`core.engine.verdicts`): once others are decided it is put off,
  for a pause that grows, and never charged; if all are refused, all wait in their order;
* a command kills its worker: the lane's note stays, and the next owner halves the batch;
* a command cannot be decoded: a malformed one is parked, one for a newer worker is not even read.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NoReturn
from uuid import UUID

import psycopg
import structlog
from msgspec import Struct
from msgspec.structs import replace
from psycopg.pq import TransactionStatus

from core.domain.commands import Envelope
from core.domain.decide import decide
from core.domain.events import CommandDeferred, CommandStepped, Event
from core.domain.evolve import evolve
from core.domain.payments.checkout import deferred_answers
from core.domain.state import State
from core.domain.values import Policy
from core.engine.database_probe import DatabaseProbe, NoProbe
from core.engine.failed_commands import Parked, charge, log_put_off, park_malformed, put_off
from core.engine.fresh_ids import fresh_ids
from core.engine.lane_failures import LaneFailures
from core.engine.verdicts import Verdict, is_lost, of_its_class, verdict_of
from core.engine.visit_times import VisitTimes, times_of
from core.store.connections.database import Connection
from core.store.inbox.lane_batches import (
    BATCH_COMMANDS,
    LanesRead,
    begin_lanes,
    cut_batch,
    is_full,
    last_of,
    lock_lane,
    may_have_more,
    people_to_take,
)
from core.store.inbox.lane_notes import LaneNotes
from core.store.inbox.outcomes import DEFERRED
from core.store.inbox.parked import why_of
from core.store.inbox.reading import Waiting
from core.store.load import load
from core.store.revision import check_schema
from core.store.save import Decided, save
from core.wire.outcomes import render

log = structlog.get_logger()

MAX_RACES = 8
"""Lost races in a row before a batch counts as failed; each is lost to another batch that succeeded."""


ASIDE_MOST = 8
"""How many commands are tried alone in one visit; the lane is blocked meanwhile."""


class VisitResult(Struct, frozen=True):
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
    decided_at: datetime | None = None
    """By the database's clock, before the commit; None if nothing was decided."""
    times: VisitTimes | None = None
    """Only if one of its commands is traced."""


class Lanes:
    """The lanes, as one worker visits them."""

    def __init__(
        self,
        connection: Connection,
        notes: LaneNotes,
        policy: Policy,
        *,
        initial_password_hash: str | None = None,
        lane_failures: LaneFailures | None = None,
        probe: DatabaseProbe | None = None,
        check: Callable[[Connection], None] = check_schema,
        hand_over: Callable[[Collection[int]], None] = lambda _: None,
        traces: bool = False,
    ) -> None:
        """`initial_password_hash` is for people whom a command creates; None: no password. `lane_failures` is what the
        process remembers from earlier connections; `probe` distinguishes a slow command from an outage; `check` raises
        SchemaDoesNotFitError. `hand_over` gets the lanes that wait before one with a suspect is visited, which may take
        long. `traces`: note the times of batches with sampled commands.
        """
        self._connection = connection
        self._notes = notes
        self._policy = policy
        self._initial_password_hash = initial_password_hash
        self._lane_failures = lane_failures or LaneFailures()
        self._check_schema = check
        self._probe = probe or NoProbe()
        self._hand_over = hand_over
        self._traces = traces
        self._began_ns = 0
        self._times: VisitTimes | None = None
        self._others: frozenset[int] = frozenset()
        """Lanes that wait while this visit is in one alone."""
        self._suspects: dict[int, list[UUID]] = {}
        """By lane: noted with a batch that failed, and not tried since."""
        self._batch: Sequence[Waiting] = ()
        self._taken = 0
        """By the last visit."""
        self._decided_at: datetime | None = None
        self._apart: set[int] = set()
        """Lanes with a suspect, visited alone so that it does not fail the others."""
        self._passed_over: set[int] = set()
        """Lanes whose last visit ended before a suspect. The next visit begins with its class; otherwise a steady stream of
        people would make it, and what is behind it, wait for ever."""

    def visit(self, numbers: Collection[int]) -> VisitResult:
        """Decide one bounded batch. Raises psycopg.Error in an outage: the caller connects again; nothing is lost."""
        try:
            return self._visit(numbers)
        finally:
            self._probe.end()

    def _visit(self, numbers: Collection[int]) -> VisitResult:
        self._decided_at = self._times = None
        self._began_ns = time.time_ns()
        apart = self._apart.intersection(numbers)
        if not apart and len(numbers) > 1:
            result = self._visit_together(numbers)
            result = replace(result, more=result.more | self._apart.intersection(numbers))
        else:
            number = min(apart or numbers)
            self._apart.discard(number)
            self._others = frozenset(numbers) - {number}
            result = self._visit_alone(number)
            result = replace(result, more=result.more | self._others)
        if result.decided:
            self._lane_failures.decided({one.lane for one in self._batch}, result.decided)
            result = replace(result, decided_at=self._decided_at, times=self._times)
        return result

    def _visit_together(self, numbers: Collection[int]) -> VisitResult:
        for _ in range(MAX_RACES):
            try:
                return self._try(lambda: self._decide_together(numbers))
            except Exception as problem:  # noqa: BLE001 - a race, an outage, or a bug for which one command must be charged alone
                verdict = verdict_of(problem)
                if verdict is Verdict.LOST_RACE:
                    continue
                if self._is_over(verdict, numbers):
                    self._give_up(problem, verdict, numbers)
                log.warning("lanes are decided one by one", lanes=sorted(numbers), problem=repr(problem))
                break
        self._apart.update(numbers)
        return VisitResult(more=frozenset(numbers))

    def _decide_together(self, numbers: Collection[int]) -> VisitResult:
        read = begin_lanes(self._connection, numbers)
        if read.malformed:
            return self._park(read)
        self._apart |= {number for number in read.locked if self._has_suspects(read, number)}
        waiting = {number: found for number, found in read.waiting.items() if number not in self._apart}
        self._batch = batch = cut_batch(waiting.values(), lambda all_: people_to_take(all_, self._taken))
        self._taken = len(batch)
        decided = self._decide(batch, len(read.locked)) if batch else []
        more = _left(waiting, batch) | _stepped(batch, decided)
        return VisitResult(frozenset(numbers) - read.locked, decided, more, is_full(batch))

    def _has_suspects(self, read: LanesRead, number: int) -> bool:
        waiting = read.waiting[number]
        inherited = set(self._suspected(read, number))
        return any(_is_suspect(one) or one.envelope.id in inherited for one in waiting)

    def _visit_alone(self, number: int) -> VisitResult:
        search = Search(suspects_first=number in self._passed_over)
        self._passed_over.discard(number)
        while True:
            try:
                result = self._try(lambda: self._decide_alone(number, search))
            except Exception as problem:  # noqa: BLE001 - the same three; raised again when the visit ends
                end = self._narrow(number, search, problem)
            else:
                log_put_off(search.put_off)
                return result
            if end is not None:
                return end

    def _narrow(self, number: int, search: Search, problem: Exception) -> VisitResult | None:
        """After a failure: the end of the visit, or None to try again with what `search` now holds."""
        verdict = search.judge(problem)
        if verdict is Verdict.LOST_RACE:
            return None
        if not self._batch or self._is_over(verdict, {number}):
            self._give_up(problem, verdict, {number})
        if len(self._batch) > 1:
            search.limit = max(1, len(self._batch) // 2)
            log.warning("batch halved", lane=number, limit=search.limit, problem=repr(problem))
            return None
        if verdict is Verdict.OWN:
            return self._charge(self._batch[0], problem)
        if self._lane_failures.failed_alone(number, self._batch[0].envelope.id):
            ids = {"command_id": str(self._batch[0].envelope.id), "request_id": self._batch[0].envelope.request_id}
            log.warning("command failed alone by no fault of its own", lane=number, **ids, exc_info=problem)
        search.leave_aside(self._batch[0])
        return None

    def _decide_alone(self, number: int, search: Search) -> VisitResult:
        search.put_off = ()
        read = begin_lanes(self._connection, [number])
        if number not in read.locked:
            return VisitResult(busy=frozenset({number}))
        if read.malformed:
            return self._park(read)
        inherited = self._suspected(read, number)
        found = cut_batch(read.waiting.values())
        if search.tries_last and may_have_more(read.waiting[number]):
            found += last_of(self._connection, number)  # all that one read brings may be of one kind
        self._batch = batch = search.batch_of(found, inherited)
        if not batch:
            return self._none_decided(number, search) if search.aside else VisitResult()
        noted = self._notes.inherited(number, read.noted.get(number, ()))
        if len(batch) == 1 and noted == [batch[0].envelope.id] and self._notes.owner_died(self._connection, number):
            self._notes.write({number: []})
            why = "its worker died, or lost its connection, while deciding it"
            decided = charge(self._connection, batch[0], why, why)
            return VisitResult(decided=decided, more=frozenset({number}))
        if any(one.attempts or one.envelope.id in inherited for one in batch):
            self._hand_over(self._others)
        if search.aside:
            self._put_off(search)  # takes effect only if the others are decided in this transaction
        decided = self._decide(batch, 1)
        if not search.suspects_first and any(map(_is_suspect, found)) and not _is_suspect(batch[0]):
            self._passed_over.add(number)
        self._keep_suspects(number, inherited, batch)
        more = _left(read.waiting, batch) | _stepped(batch, decided)
        return VisitResult(decided=decided, more=more, full=is_full(batch))

    def _suspected(self, read: LanesRead, number: int) -> list[UUID]:
        """The commands of another worker's note, or those of them that still wait. Later ones are not tried with them, or the
        command at fault would never be alone.
        """
        noted = self._notes.inherited(number, read.noted.get(number, ()))
        left = self._suspects.get(number)
        if noted or left is None:
            return noted
        waiting = {one.envelope.id for one in read.waiting[number]}
        return [id_ for id_ in left if id_ in waiting]

    def _keep_suspects(self, number: int, suspected: Sequence[UUID], tried: Sequence[Waiting]) -> None:
        decided = {one.envelope.id for one in tried}
        self._suspects.pop(number, None)
        if left := [id_ for id_ in suspected if id_ not in decided]:
            self._suspects[number] = left

    def _none_decided(self, number: int, search: Search) -> VisitResult:
        """All that were tried failed through no fault of their own: find out whether the database refuses only these."""
        self._notes.write({number: []})
        aside = [one.envelope.id for one in search.aside]
        if self._lane_failures.others_were_decided(number, aside) or all(one.put_offs for one in search.aside):
            self._put_off(search)
            return VisitResult(more=frozenset({number}))
        return VisitResult(busy=frozenset({number}))

    def _put_off(self, search: Search) -> None:
        put_off(self._connection, search.aside)
        search.put_off = tuple(search.aside)

    def _is_over(self, verdict: Verdict, numbers: Collection[int]) -> bool:
        """Whether this failure ends the visit: as far as it can be told, it is an outage and no command's fault.

        Raises SchemaDoesNotFitError if the schema is the reason.
        """
        if self._connection.closed or verdict is Verdict.SLOW:
            return True
        if verdict is Verdict.OUTAGE:
            return self._lane_failures.outage(numbers)
        if verdict is Verdict.MISMATCH:
            try:
                self._check_schema(self._connection)
            except psycopg.Error:
                self._forget()
                raise
        return False

    def _give_up(self, problem: Exception, verdict: Verdict, numbers: Collection[int]) -> NoReturn:
        """If the batch was slow its note stays: the lane's next owner halves the batch, and charges a command that is alone."""
        first = self._lane_failures.outage(numbers)
        slow = verdict is Verdict.SLOW and not (first and is_lost(problem))
        if slow and self._probe.others_were_answered():
            log.warning("a batch is slow while the database answers others", lanes=sorted(numbers))
        else:
            self._forget()
        raise problem

    def _park(self, read: LanesRead) -> VisitResult:
        """Park these first; the next visit decides the others."""
        return VisitResult(parked=park_malformed(self._connection, read.malformed), more=read.locked)

    def _try(self, decide_some: Callable[[], VisitResult]) -> VisitResult:
        self._batch = ()
        self._probe.begin()
        try:
            done = decide_some()
        except BaseException:
            with suppress(psycopg.Error):
                self._connection.rollback()
            raise
        if self._connection.info.transaction_status is not TransactionStatus.IDLE:
            self._connection.execute("COMMIT")  # of a visit that saved nothing
        return done

    def _decide(self, batch: Sequence[Waiting], lanes: int) -> list[Decided]:
        """`lanes`: how many are locked. Others wait behind a command even if nothing was in their lanes yet."""
        is_alone = len(batch) == lanes == 1
        self._note(batch, is_alone=is_alone)
        envelopes = [one.envelope for one in batch]
        heavy = sum(one.weight for one in batch) > BATCH_COMMANDS  # it may need all the time there is
        loaded = load(self._connection, envelopes, self._policy, in_short=not is_alone and not heavy)
        self._decided_at = loaded.now
        ids = fresh_ids(loaded)
        times = self._times = times_of(envelopes, self._began_ns) if self._traces else None
        decided: list[Decided] = []
        for envelope in envelopes:
            began_ns = 0 if times is None else time.time_ns()
            events = decide(loaded.state, envelope, loaded.now, ids)
            for event in events:
                evolve(loaded.state, event)
            decided += _answers(loaded.state, envelope, events)
            if times is not None:
                times.note_decided(envelope, began_ns)
        save(self._connection, decided, loaded.now, initial_password_hash=self._initial_password_hash)
        if times is not None:
            times.saved = time.time_ns()
        if stepped := _stepped(batch, decided):
            self._notes.write(
                {lane: [] for lane in stepped}
            )  # a partly done command stays in the inbox and is no suspect
        return decided

    def _note(self, batch: Sequence[Waiting], *, is_alone: bool) -> None:
        """A command that is the only one of its lane, but not alone, is noted twice: it is tried alone before it is charged."""
        lanes = {one.lane for one in batch}
        notes = {lane: [one.envelope.id for one in batch if one.lane == lane] for lane in lanes}
        self._notes.write({lane: ids * 2 if len(ids) == 1 and not is_alone else ids for lane, ids in notes.items()})

    def _charge(self, one: Waiting, problem: Exception) -> VisitResult:
        """In a transaction of its own: the failed one is rolled back."""
        ids = {"command_id": str(one.envelope.id), "request_id": one.envelope.request_id}
        log.error("command failed alone", lane=one.lane, **ids, exc_info=problem)
        with self._connection.transaction():
            if not lock_lane(self._connection, one.lane):
                return VisitResult(busy=frozenset({one.lane}))
            self._notes.write({one.lane: []})
            charged = charge(self._connection, one, repr(problem), why_of(problem))
            return VisitResult(decided=charged, more=frozenset({one.lane}))

    def _forget(self) -> None:
        """An outage is no death: the next owner need not search."""
        lanes = {one.lane for one in self._batch}
        try:
            self._notes.write({lane: [] for lane in lanes})
        except psycopg.Error:
            log.info("the notes stay: the database is away", lanes=sorted(lanes))
        self._lane_failures.cut_off = self._notes.owner


def _answers(state: State, envelope: Envelope, events: tuple[Event, ...]) -> Iterator[Decided]:
    """A command's answer, and those of the commands that waited for its events."""
    if isinstance(events[-1], CommandStepped):
        yield Decided(envelope, events, DEFERRED)
    elif isinstance(events[-1], CommandDeferred):
        state.followers.setdefault(events[-1].payment_id, []).append(envelope)
        yield Decided(envelope, events, DEFERRED)
    else:
        yield Decided(envelope, events, render(envelope, events, state))
    for follower, answer in deferred_answers(state, events):
        yield Decided(follower, answer, render(follower, answer, state))


def _left(waiting: Mapping[int, Sequence[Waiting]], batch: Sequence[Waiting]) -> frozenset[int]:
    """Lanes in which something still waits."""
    taken = Counter(one.lane for one in batch)
    return frozenset(number for number, found in waiting.items() if len(found) > taken[number] or may_have_more(found))


def _stepped(batch: Sequence[Waiting], decided: Sequence[Decided]) -> frozenset[int]:
    """Lanes in which a command waits for its next step."""
    begun = {one.envelope.id for one in decided if isinstance(one.events[-1], CommandStepped)}
    return frozenset(one.lane for one in batch if one.envelope.id in begun) if begun else frozenset()


class Search:
    """How a lane's visit searches for the command at fault when its batch fails."""

    def __init__(self, *, suspects_first: bool = False) -> None:
        self.limit = BATCH_COMMANDS
        self.suspects_first = suspects_first
        """Try the class of the first suspect before the others."""
        self.aside: list[Waiting] = []
        """Commands that failed alone through no fault of their own: the others are tried without them."""
        self.put_off: Sequence[Waiting] = ()
        """Those that this transaction puts off."""
        self._races = 0

    def judge(self, problem: Exception) -> Verdict:
        """If a race is lost too often, the error's class decides."""
        verdict = verdict_of(problem)
        if verdict is Verdict.LOST_RACE:
            self._races += 1
            return verdict if self._races <= MAX_RACES else of_its_class(problem)
        return verdict

    def leave_aside(self, one: Waiting) -> None:
        self.aside.append(one)
        self.limit = 1

    @property
    def tries_last(self) -> bool:
        """Whether to try the last command that waits: the first ones that failed may all be of one kind."""
        return ASIDE_MOST // 2 <= len(self.aside) < ASIDE_MOST

    def batch_of(self, found: Sequence[Waiting], inherited: Sequence[object]) -> list[Waiting]:
        """The batch to try now."""
        if len(self.aside) >= ASIDE_MOST:
            return []
        aside = {one.envelope.id for one in self.aside}
        left = [one for one in found if one.envelope.id not in aside]
        if self.tries_last:
            return left[-1:]
        return cut(_class_of_suspect(left) if self.suspects_first else left, inherited, self.limit)


def _is_suspect(one: Waiting) -> bool:
    """Whether it failed alone before."""
    return one.attempts > 0 or one.put_offs > 0


def _class_of_suspect(found: Sequence[Waiting]) -> Sequence[Waiting]:
    """Commands in the class of the first suspect, in order; all commands if there is none."""
    first = next((one for one in found if _is_suspect(one)), None)
    return found if first is None else [one for one in found if one.command_class is first.command_class]


def cut(found: Sequence[Waiting], inherited: Sequence[object], limit: int) -> list[Waiting]:
    """The batch of one lane to try now.

    First half of what a dead worker noted; else what waits, up to `limit`, except that a command that has failed alone
    before is tried alone, so that it does not fail a batch again.
    """
    suspects = set(inherited)
    left = [one for one in found if one.envelope.id in suspects]
    if left:
        return left[: max(1, len(inherited) // 2)]
    batch: list[Waiting] = []
    for one in found[:limit]:
        if _is_suspect(one):
            return batch or [one]
        batch.append(one)
    return batch
