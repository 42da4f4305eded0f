"""Processes of the application: killed, stopped, doubled, with a wrong clock."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from ops.processes import BEAT, LANES
from tests.faults.rounds import change_lanes
from tests.faults.stage import Stage
from tests.faults.strikes.fault import Fault
from tests.support.engine.lanes import holding, lock_waits
from tests.support.wait import wait_until

KINDS = ("api", "lanes-1", "lanes-2", "payments", "deliveries", "sweeps", "beat", "notifier-1", "notifier-2")
LANE_WORKERS = LANES.instances()
NO_BOOKING_IS_WRITTEN = "LOCK TABLE booking IN SHARE MODE"
"""Held, it stops a worker that has decided a batch just before it can commit."""
CAUGHT_WITHIN_S = 60.0
HEARD_S = 0.6
"""Before a caught worker dies: who was told too early has heard it by then. A worker waits two seconds for a lock."""
Struck = Callable[[Stage, random.Random], Iterator[None]]
PROMISES = 10
LANES_TRIED = (1, 2, 3, 8)
JUMPS = ("+1h", "-1h", "+40d")


def _killed(*names: str) -> Struck:
    def struck(stage: Stage, _: random.Random) -> Iterator[None]:
        _kill(stage, *names)
        yield
        _start(stage, *names)

    return struck


def _stopped(*names: str) -> Struck:
    def struck(stage: Stage, _: random.Random) -> Iterator[None]:
        for name in names:
            stage.stack.process(name).freeze()
        yield
        for name in names:
            stage.stack.process(name).mend()

    return struck


def _kill(stage: Stage, *names: str) -> None:
    for name in names:
        if stage.stack.process(name).child.exit_code() is None:
            stage.stack.process(name).kill()


def _start(stage: Stage, *names: str) -> None:
    for name in names:
        if stage.stack.process(name).child.exit_code() is not None:
            stage.stack.process(name).start(wait=False)


def _before_commit(stage: Stage, act: Callable[[], None]) -> None:
    """Act while every lane worker that has something to do holds its lanes in an open transaction."""
    with holding(stage.stack.database_url, NO_BOOKING_IS_WRITTEN), stage.database() as looking:
        wait_until(lambda: lock_waits(looking, "holdfast lane") > 0, "a batch is caught", CAUGHT_WITHIN_S)
        act()


def _killed_before_commit(stage: Stage, _: random.Random) -> Iterator[None]:
    def kill() -> None:
        time.sleep(HEARD_S)  # the length of the catch
        _kill(stage, *LANE_WORKERS)

    _before_commit(stage, kill)
    yield
    _start(stage, *LANE_WORKERS)


def _stopped_before_commit(stage: Stage, _: random.Random) -> Iterator[None]:
    """SIGSTOP leaves socket and transaction open, and the lanes locked: only the timeouts free them."""
    _kill(stage, "lanes-2")
    _before_commit(stage, stage.stack.process("lanes-1").freeze)
    _start(stage, "lanes-2")
    yield
    stage.stack.process("lanes-1").thaw()


def _killed_with_promises(stage: Stage, _: random.Random) -> Iterator[None]:
    """The API, when it has told clients that their commands are accepted, and nobody has decided them."""
    _kill(stage, *LANE_WORKERS)
    with stage.database() as connection:
        wait_until(lambda: undecided(connection) >= PROMISES, "commands are accepted", CAUGHT_WITHIN_S)
    _kill(stage, "api")
    yield
    _start(stage, "api", *LANE_WORKERS)


def undecided(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    row = connection.execute("SELECT count(*) FROM inbox WHERE type <> 'canary'").fetchone()
    assert row is not None
    return int(str(row[0]))


def _lanes_changed(stage: Stage, chance: random.Random) -> Iterator[None]:
    change_lanes(stage.stack, chance.choice(LANES_TRIED))
    yield
    _start(stage, *LANE_WORKERS)


def _two_beats(stage: Stage, _: random.Random) -> Iterator[None]:
    stage.stack.add(BEAT, "beat-2")
    yield
    stage.stack.remove("beat-2")


def _rolling(stage: Stage, _: random.Random) -> Iterator[None]:
    """As a deployment does it: each process ends when it has finished its work, and the next one starts."""
    for server in stage.stack.servers:
        server.terminate()
        server.start(wait=False)
    yield


def faketime() -> Path | None:
    """The library, if it is installed."""
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)


def _wrong_clock(stage: Stage, chance: random.Random) -> Iterator[None]:
    """A lane worker, and what sweeps, whose wall clocks are wrong from a moment on."""
    names = ("lanes-1", "sweeps")
    library = faketime()
    assert library is not None
    told = {"LD_PRELOAD": str(library), "FAKETIME": chance.choice(JUMPS), "DONT_FAKE_MONOTONIC": "1"}
    _kill(stage, *names)
    _start_with(stage, names, told)
    yield
    _kill(stage, *names)
    _start_with(stage, names, {})


def _start_with(stage: Stage, names: tuple[str, ...], told: dict[str, str]) -> None:
    for name in names:
        stage.stack.special[name] = told
        process = next(one for one in stage.stack.processes if name in one.instances())
        stage.stack.remove(name)
        stage.stack.add(process, name)


def _fault(name: str, struck: Struck, kind: str, **more: object) -> Fault:
    return Fault(name, kind, contextmanager(struck), **more)  # type: ignore[arg-type]


PROCESS_FAULTS = (
    *(_fault(f"{name} killed", _killed(name), "a process killed") for name in KINDS),
    *(_fault(f"{name} stopped", _stopped(name), "a process stopped", lasts_s=(1.0, 6.0)) for name in KINDS),
    _fault("all lane workers killed", _killed(*LANE_WORKERS), "all of a kind killed", is_in_short=True),
    _fault("both notifiers killed", _killed("notifier-1", "notifier-2"), "all of a kind killed", is_in_short=True),
    _fault("sweeps, relay and beat killed", _killed("sweeps", "beat"), "all of a kind killed", is_in_short=True),
    _fault("every process killed", _killed(*KINDS), "all of a kind killed"),
    _fault("lane workers killed before commit", _killed_before_commit, "killed before commit", is_in_short=True),
    _fault("a lane worker stopped before commit", _stopped_before_commit, "stopped before commit", lasts_s=(8.0, 12.0)),
    _fault("the API killed after 202s", _killed_with_promises, "killed with promises"),
    _fault("LANES changed between restarts", _lanes_changed, "LANES changed"),
    _fault("two beats", _two_beats, "two beats", lasts_s=(3.0, 6.0)),
    _fault("every process restarted in turn", _rolling, "rolling restart"),
    _fault("a worker's clock jumps", _wrong_clock, "wrong clock", lasts_s=(6.0, 10.0), needs_faketime=True),
)
