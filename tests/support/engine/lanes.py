"""Driving lanes by hand: commands put into the inbox, workers that visit when a test says so."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from core.domain import decide as deciding
from core.domain.commands import Actor, ActorKind, Canary, Command, CommandClass, Place
from core.domain.events import Event
from core.domain.values import Policy
from core.engine import verdicts
from core.engine.lane import Lanes, VisitResult
from core.engine.lane_failures import LaneFailures
from core.engine.retention import SweepResult
from core.store import load as loading
from core.store.connections.database import Connection, connect_lane
from core.store.inbox.acceptance import NewCommand, enqueue
from core.store.inbox.lane_batches import LANE_SPACE
from core.store.inbox.lane_notes import LaneNotes
from core.store.inbox.partition_keys import partition_key
from tests.support.values import MONDAY, by_phone, place
from tests.support.wait import READY_WITHIN_S

DESK_ID = 1
SLOTS_A_DAY = 8

Sweep = Callable[[], SweepResult | None]


class Pipeline:
    """One database: what a test puts in and reads back."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection = connect_lane(url, "holdfast tests")
        self._open: list[Connection] = [self.connection]

    def connect(self) -> Connection:
        self._open.append(connect_lane(self.url, "holdfast tests"))
        return self._open[-1]

    def close(self) -> None:
        for connection in self._open:
            connection.close()

    def one_lane(self) -> None:
        """All partition keys in lane 0, for tests about what happens inside a lane."""
        self.lanes(1)

    def lanes(self, count: int) -> None:
        self.connection.execute("UPDATE installation SET lanes = %s", (count,))

    def worker(self, policy: Policy | None = None, *, cut_off: int | None = None, **remembered: Any) -> Worker:
        return Worker(self.connect, policy or Policy(allow_past=True), cut_off, **remembered)

    def put(self, *commands: Command | NewCommand, on: Connection | None = None) -> list[UUID]:
        """Accept commands as the API does, in one group."""
        made = [one if isinstance(one, NewCommand) else new(one) for one in commands]
        enqueue(on or self.connection, made)
        return [one.id for one in made]

    def lane_of(self, id_: UUID) -> int:
        (lane,) = self.row("SELECT lane FROM inbox WHERE id = %s", id_)
        return int(lane)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql.encode(), values or None).fetchall()

    def row(self, sql: str, *values: Any) -> tuple[Any, ...]:
        (found,) = self.rows(sql, *values)
        return found

    def undecided(self) -> list[UUID]:
        return [row[0] for row in self.rows("SELECT id FROM inbox ORDER BY seq")]

    def outcomes(self) -> dict[UUID, tuple[str, int, Any]]:
        """By command: status, HTTP status, body. Fails if a command has two."""
        found = self.rows("SELECT id, status, http_status, response::text FROM outcome")
        by_id = {row[0]: (row[1], row[2], json.loads(row[3])) for row in found}
        assert len(by_id) == len(found), "a command has more than one outcome"
        return by_id

    def codes(self, ids: Sequence[UUID]) -> list[str]:
        """Each command's outcome as one word: its status, or the code of its refusal."""
        outcomes = self.outcomes()
        return [outcomes[id_][2].get("code", outcomes[id_][0]) if id_ in outcomes else "undecided" for id_ in ids]

    def decided_in_order(self) -> list[UUID]:
        """Command ids in the order of the news that ended them."""
        return [row[0] for row in self.rows("SELECT command_id FROM event WHERE is_final ORDER BY batch_id, n")]

    def placed_by(self) -> list[UUID]:
        """The command of each booking there is."""
        return [row[0] for row in self.rows("SELECT command_id FROM booking ORDER BY id")]

    def charged(self) -> dict[UUID, int]:
        return {row[0]: row[1] for row in self.rows("SELECT id, attempts FROM inbox WHERE attempts > 0")}

    def claim(self, day: date, at: time, *, on: Connection | None = None, minutes: int = 60) -> None:
        """A closure of the desk, as something outside the lanes would write it."""
        sql = """INSERT INTO claim (resource_id, during) SELECT id, tstzrange(%(at)s::timestamptz, %(at)s::timestamptz + %(long)s)
                 FROM resource WHERE kind = 'desk'"""
        moment = f"{day.isoformat()} {at.isoformat()}+00"
        (on or self.connection).execute(sql, {"at": moment, "long": timedelta(minutes=minutes)})

    def overlapping_claims(self) -> int:
        (found,) = self.row(
            """SELECT count(*) FROM claim a JOIN claim b
               ON a.id < b.id AND a.resource_id = b.resource_id AND a.during && b.during"""
        )
        return int(found)


class Worker:
    """One worker's connections; visits a lane when told to."""

    def __init__(
        self, connect: Callable[[], Connection], policy: Policy, cut_off: int | None, **remembered: Any
    ) -> None:
        self._connect, self._policy = connect, policy
        self._remembered = {"lane_failures": LaneFailures(), **remembered}
        self.connect(cut_off)

    def connect(self, cut_off: int | None = None) -> None:
        """As a server does it at its start and after an outage."""
        self.notes = LaneNotes(self._connect(), cut_off)
        self.connection = self._connect()
        self._lanes = Lanes(self.connection, self.notes, self._policy, **self._remembered)

    def visit(self, *lanes: int) -> VisitResult:
        return self._lanes.visit(lanes or (0,))

    def visit_until_done(self, lane: int = 0, most: int = 100) -> list[VisitResult]:
        turns = []
        for _ in range(most):
            turns.append(self.visit(lane))
            if not turns[-1].more:
                return turns
        raise AssertionError(f"lane {lane} is not done after {most} visits")


def new(command: Command, **changes: Any) -> NewCommand:
    """As the API makes it from a request; a Place knows its partition key."""
    key = partition_key(DESK_ID, command.date) if isinstance(command, Place) else "1:2025-10-20"
    given: dict[str, Any] = {
        "id": uuid4(),
        "partition_key": key,
        "command_class": CommandClass.INTERACTIVE,
        "contract": "agent",
        "actor": Actor(ActorKind.ANONYMOUS),
        "request_id": "tests",
        "reply_to": None,
        "decide_before": None,
        "command": command,
    }
    return NewCommand(**{**given, **changes})


def canaries(count: int, **changes: Any) -> list[NewCommand]:
    return [new(Canary(), **changes) for _ in range(count)]


def places(count: int, *, first: date = MONDAY, person: str = "555001") -> list[Place]:
    """That many different free times of the desk, one after another, Sundays left out."""
    made: list[Place] = []
    day = first
    while len(made) < count:
        if day.weekday() != 6:
            made += [place(day, time(9 + n), person=by_phone(person)) for n in range(SLOTS_A_DAY)]
        day += timedelta(days=1)
    return made[:count]


POISON_NOTES = "poison"
REFUSE_POISON = f"ALTER TABLE booking ADD CHECK (notes <> '{POISON_NOTES}')"
"""After it PostgreSQL refuses the booking (23514) of a command that the inbox took."""


def poison(command: Place) -> Place:
    return place(command.date, command.time, person=command.person, notes=POISON_NOTES)


def meanwhile(patch: pytest.MonkeyPatch, act: Callable[[], object], *, times: int = 1) -> list[int]:
    """Do something between a batch's load and its save, the first `times` batches; counts the loads."""
    loads = [0]

    def load(*args: Any, **kwargs: Any) -> Any:
        loaded = loading.load(*args, **kwargs)
        loads[0] += 1
        if loads[0] <= times:
            act()
        return loaded

    patch.setattr("core.engine.lane.load", load)
    return loads


def lost_race_codes(patch: pytest.MonkeyPatch, then: Callable[[], object] = lambda: None) -> list[str | None]:
    """The SQLSTATEs because of which batches are decided again from now on. `then` runs before each retry."""
    lost: list[str | None] = []

    def verdict_of(problem: BaseException) -> verdicts.Verdict:
        found = verdicts.verdict_of(problem)
        if found is verdicts.Verdict.LOST_RACE:
            assert isinstance(problem, psycopg.Error)
            lost.append(problem.sqlstate)
            then()
        return found

    patch.setattr("core.engine.lane.verdict_of", verdict_of)
    return lost


def decide_that_raises(patch: pytest.MonkeyPatch, culprits: set[UUID]) -> None:
    """A bug that raises whenever it meets one of these commands."""

    def decide(state: Any, envelope: Any, now: Any, ids: Any) -> tuple[Event, ...]:
        if envelope.id in culprits:
            raise RuntimeError("a bug")
        return deciding.decide(state, envelope, now, ids)

    patch.setattr("core.engine.lane.decide", decide)


class Background:
    """A thread whose exception is the test's."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(act,), daemon=True)
        self._thread.start()

    def _run(self, act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as problem:  # noqa: BLE001 - given back by `join`
            self._problem = problem

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def join(self, within_s: float = READY_WITHIN_S) -> None:
        self._thread.join(within_s)
        assert not self._thread.is_alive(), f"still running after {within_s} s"
        if self._problem is not None:
            raise self._problem


def sessions(pipeline: Pipeline, application: str) -> int:
    """How many the database has of an application."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()"
    return int(pipeline.row(asked, application)[0])


def lock_waits(connection: Connection, application: str) -> int:
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'"
        " AND datname = current_database()",
        (application,),
    ).fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def holding(url: str, statement: str) -> Iterator[psycopg.Connection[Any]]:
    """A transaction of somebody else's that stays open meanwhile."""
    connection = psycopg.connect(url)
    try:
        connection.execute(statement.encode())
        yield connection
    finally:
        with suppress(psycopg.Error):
            connection.rollback()
        connection.close()


def commands_by_partition(count: int, keys: int = 10) -> list[NewCommand]:
    """Commands of that many partition keys, in turn."""
    return [one for n in range(count) for one in canaries(1, partition_key=f"key:{n % keys}")]


def assert_order_kept(pipeline: Pipeline, put: list[NewCommand]) -> None:
    """Each decided once, and those of one partition key in the order they were accepted."""
    decided = pipeline.decided_in_order()
    assert sorted(decided) == sorted(one.id for one in put)
    for key in {one.partition_key for one in put}:
        wanted = [one.id for one in put if one.partition_key == key]
        assert [id_ for id_ in decided if id_ in set(wanted)] == wanted


@contextmanager
def undecided(url: str) -> Iterator[None]:
    """No command is decided meanwhile: somebody else holds every lane's lock."""
    locks = f"SELECT pg_advisory_xact_lock({LANE_SPACE}, lane) FROM installation, generate_series(0, lanes - 1) AS lane"
    with holding(url, locks):
        yield


@contextmanager
def lane_locked(pipeline: Pipeline, lane: int) -> Iterator[None]:
    """Somebody else holds the lane's lock."""
    with holding(pipeline.url, f"SELECT pg_advisory_xact_lock({LANE_SPACE}, {lane})"):
        yield
