"""PostgreSQL and Valkey: restarted, killed, emptied, stopped, cut off, with a full disk."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
import redis

from tests.faults.stage import Stage
from tests.faults.strikes.fault import Fault
from tests.faults.strikes.processes import CAUGHT_WITHIN_S, LANE_WORKERS, PROMISES, Struck, undecided
from tests.support.wait import wait_until

GOES_WITHIN_S, STARTS_WITHIN_S = 30.0, 60.0
FILL_BYTES = 8 << 20


def _ended(which: signal.Signals) -> Struck:
    """PostgreSQL ends by a signal: SIGINT is its fast shutdown, SIGQUIT its immediate one."""

    def struck(stage: Stage, _: random.Random) -> Iterator[None]:
        stage.postgres.child.signal(which)
        _wait_gone(stage)
        yield
        _start(stage)

    return struck


def _postmaster_killed(stage: Stage, _: random.Random) -> Iterator[None]:
    """Alone: its backends find themselves without it."""
    os.kill(stage.postgres.pid, signal.SIGKILL)
    _wait_gone(stage)
    yield
    _start(stage)


def _wait_gone(stage: Stage) -> None:
    if not stage.postgres.child.wait(GOES_WITHIN_S):
        stage.postgres.kill()


def _start(stage: Stage) -> None:
    """As soon as the last process of the one before has gone: until then it refuses to."""

    def started() -> bool:
        if stage.postgres.child.exit_code() is not None:
            stage.postgres.start(wait=False)
        return stage.postgres.cluster.answers()

    wait_until(started, "PostgreSQL answers again", STARTS_WITHIN_S)


def _crashed_with_promises(stage: Stage, _: random.Random) -> Iterator[None]:
    """Commands are accepted while nobody decides them, and then the database's server dies with all its processes."""
    for name in LANE_WORKERS:
        stage.stack.process(name).freeze()
    with stage.database() as connection:
        wait_until(lambda: undecided(connection) >= PROMISES, "commands are accepted", CAUGHT_WITHIN_S)
    stage.postgres.kill()
    yield
    _start(stage)
    for name in LANE_WORKERS:
        stage.stack.process(name).thaw()


def _sessions_terminated(stage: Stage, _: random.Random) -> Iterator[None]:
    with psycopg.connect(stage.postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' "
            "AND pid <> pg_backend_pid()"
        )
    yield


def _disk_full(stage: Stage, _: random.Random) -> Iterator[None]:
    """Nothing can be written any more, to the log least of all; PostgreSQL may give up and end."""
    assert stage.mount is not None
    filler = stage.mount / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * FILL_BYTES)
    yield
    filler.unlink()
    if stage.postgres.child.exit_code() is not None:
        _start(stage)


def _valkey(act: Callable[[Stage], None], repair: Callable[[Stage], None]) -> Struck:
    def struck(stage: Stage, _: random.Random) -> Iterator[None]:
        act(stage)
        yield
        repair(stage)

    return struck


def _empty(stage: Stage) -> None:
    with redis.Redis.from_url(stage.stack.redis_url) as connection:
        connection.flushall()


def _nothing(_: Stage) -> None:
    pass


def _fault(name: str, struck: Struck, kind: str, **more: object) -> Fault:
    return Fault(name, kind, contextmanager(struck), **more)  # type: ignore[arg-type]


STORE_FAULTS = (
    _fault("PostgreSQL restarted, fast", _ended(signal.SIGINT), "PostgreSQL restarted"),
    _fault("PostgreSQL restarted, immediate", _ended(signal.SIGQUIT), "PostgreSQL restarted"),
    _fault("postmaster killed", _postmaster_killed, "PostgreSQL killed"),
    _fault("PostgreSQL crashes with promises", _crashed_with_promises, "PostgreSQL killed", is_in_short=True),
    _fault("PostgreSQL's sessions terminated", _sessions_terminated, "sessions terminated", is_in_short=True),
    _fault("PostgreSQL's disk full", _disk_full, "disk full", lasts_s=(2.0, 5.0), needs_mount=True),
    _fault("Valkey restarted", _valkey(lambda on: on.stack.valkey.restart(), _nothing), "Valkey restarted"),
    _fault("Valkey killed", _valkey(lambda on: on.stack.valkey.kill(), lambda on: on.stack.valkey.start()),
           "Valkey killed", is_in_short=True),
    _fault("Valkey emptied", _valkey(_empty, _nothing), "Valkey emptied"),
    _fault("Valkey stopped", _valkey(lambda on: on.stack.valkey.freeze(), lambda on: on.stack.valkey.thaw()),
           "Valkey stopped", lasts_s=(1.0, 6.0)),
)  # fmt: skip
