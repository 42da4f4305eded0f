"""Running the pipelines side by side: warm up, settle, measure, in an order that is fair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from core.store.connections.database import connect_lane
from core.store.feed import SQL_UNNUMBERED
from tests.benchmarks.baselines.app import DIRECT, NOOP, PER_COMMAND
from tests.benchmarks.cpu import Meter, per_booking_us
from tests.benchmarks.load import Booker, Load
from tests.benchmarks.stack import Running
from tests.benchmarks.tables.seed import access_token, analyze
from tests.support.wait import wait_until

T = TypeVar("T")

SETTLE_WITHIN_S = 60.0

SQL_BUSY = f"""
SELECT EXISTS (SELECT FROM inbox WHERE awaits IS NULL)
    OR ({SQL_UNNUMBERED})
    OR EXISTS (SELECT FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()
                 AND backend_type = 'client backend' AND state <> 'idle')
"""
"""What clients did not wait for: theirs is cut off when the time is over, also in the baselines."""


class Pipeline(Struct, frozen=True):
    name: str
    path: str
    books: bool = True

    @property
    def note(self) -> str:
        """What its bookings say in `notes`."""
        return f"bench {self.name}"


HOLDFAST = Pipeline("holdfast", "/api/booking/create/")
TASK_PER_COMMAND = Pipeline("task per command", PER_COMMAND)
DIRECT_WRITE = Pipeline("direct write", DIRECT)
NO_OP = Pipeline("no-op", NOOP, books=False)
PIPELINES = (HOLDFAST, TASK_PER_COMMAND, DIRECT_WRITE, NO_OP)


class Plan(Struct, frozen=True):
    clients: Sequence[int] = (1, 16, 64, 256)
    rounds: int = 3
    warm_up_s: int = 1
    measured_s: int = 5
    pipelines: Sequence[Pipeline] = PIPELINES

    @property
    def seconds(self) -> int:
        return (self.warm_up_s + self.measured_s) * self.rounds * len(self.clients) * len(self.pipelines)


class Run(Struct, frozen=True):
    """One measured interval."""

    pipeline: Pipeline
    clients: int
    number: int
    """Of the round, from 0."""
    load: Load
    cpu_us: dict[str, float]
    """Processor time for each booking, by process."""
    is_measured: bool = True


class Bench:
    """Loads a running stack."""

    def __init__(self, running: Running, folder: Path) -> None:
        self._stack = running.stack
        self._meter = Meter(running.pids)
        self._booker = Booker(folder)
        self._token = ""

    def run(self, plan: Plan) -> Iterator[Run]:
        """Every run, as it ends. Warm-ups are among them: their bookings count too."""
        self._token = access_token(self._stack.api_url)
        for pipeline in plan.pipelines:
            yield self._load(pipeline, clients=64, seconds=2, number=-1)
        self.settle()
        analyze(self._stack.database_url)
        for number in range(plan.rounds):
            self._token = access_token(self._stack.api_url)
            for clients in plan.clients:
                for pipeline in turned(plan.pipelines, number):
                    yield self._load(pipeline, clients=clients, seconds=plan.warm_up_s, number=-1)
                    yield self._load(pipeline, clients=clients, seconds=plan.measured_s, number=number)
                    self.settle()

    def _load(self, pipeline: Pipeline, *, clients: int, seconds: int, number: int) -> Run:
        url = self._stack.api_url + pipeline.path
        before = self._meter.read()
        load = self._booker.run(url, token=self._token, note=pipeline.note, clients=clients, seconds=seconds)
        cpu_us = per_booking_us(before, self._meter.read(), load.created)
        return Run(pipeline, clients, number, load, cpu_us, is_measured=number >= 0)

    def settle(self) -> None:
        """Until nothing of this run is left to do that would burden the next one."""
        with connect_lane(self._stack.database_url, "holdfast bench") as connection:

            def idle() -> bool:
                (busy,) = connection.execute(SQL_BUSY).fetchone() or (True,)
                return not busy

            wait_until(idle, "nothing is undecided, unnumbered or under way", SETTLE_WITHIN_S)


def turned(things: Sequence[T], number: int) -> list[T]:
    """Each round begins with another, so that none always runs after the same one."""
    start = number % len(things)
    return [*things[start:], *things[:start]]
