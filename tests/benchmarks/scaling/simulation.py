"""The pipeline as a discrete-event simulation: clients, API processes, lanes, PostgreSQL, relay, notifiers.

Processes are serial; they and PostgreSQL's backends take turns on the processors of their host. An API process writes
all commands that wait as one group, a lane worker decides two fifths of those that wait in its lanes in one visit, and
the relay numbers what was decided every 30 ms (docs/lanes.md, docs/commands.md).
"""

from __future__ import annotations

import random
from collections.abc import Generator
from math import ceil
from statistics import quantiles
from typing import Any

import simpy
from msgspec import Struct

from core.store.inbox.lane_batches import BATCH_COMMANDS, PEOPLE_MIN, PEOPLE_PART
from tests.benchmarks.scaling.costs import Cost, Costs

RELAY_EVERY_US = 30_000.0
API_BEFORE = 0.6
"""The part of the API's work that comes before the inbox."""
INBOX_PART = 0.35
"""Of PostgreSQL's work for a booking; the lanes' visit has the rest."""
ROUND_TRIPS = 4
"""Of a visit to a lane."""
SERVE_PERCENTILES = 100

Steps = Generator[simpy.Event, Any, None]


class House(Struct, frozen=True):
    """How many of each, and where. `shared_cores` None: each process has a core, PostgreSQL has `postgres_cores`."""

    api: int = 1
    lanes: int = 2
    notifiers: int = 1
    sockets: int = 10
    """Over all notifiers; each hears every booking."""
    postgres_cores: int = 2
    shared_cores: int | None = None


class Load(Struct, frozen=True):
    """`clients` that wait for each answer, or arrivals at a rate, whoever waits."""

    clients: int = 0
    per_s: float = 0.0
    seconds: float = 2.0


class Outcome(Struct, frozen=True):
    per_s: float
    p50_ms: float
    p99_ms: float
    told_p99_ms: float
    """From the request to the last socket that hears of it."""
    busy: dict[str, float]
    """The part of the time in which the busiest of each kind works."""

    @property
    def first_full(self) -> str:
        return max(self.busy, key=lambda name: self.busy[name])


class Worker:
    """A serial process on a host's cores."""

    def __init__(self, world: simpy.Environment, cores: simpy.Resource | None) -> None:
        self.world = world
        self.turn = simpy.Resource(world, 1)
        self._cores = cores
        self.worked_us = 0.0

    def work(self, us: float) -> Steps:
        with self.turn.request() as turn:
            yield turn
            yield from on_core(self.world, self._cores, us)
        self.worked_us += us


def on_core(world: simpy.Environment, cores: simpy.Resource | None, us: float) -> Steps:
    if cores is None:
        yield world.timeout(us)
        return
    with cores.request() as core:
        yield core
        yield world.timeout(us)


class Command(Struct, eq=False):
    begun_us: float
    api: Worker
    decided: simpy.Event


class Pipeline:
    """One run of one house under one load."""

    def __init__(self, costs: Costs, house: House, load: Load, seed: int = 1) -> None:
        self._random = random.Random(seed)  # noqa: S311 - arrivals, no secrets
        self._costs, self._house, self._load = costs, house, load
        self._world = world = simpy.Environment()
        shared = None if house.shared_cores is None else simpy.Resource(world, house.shared_cores)
        self._postgres = shared or simpy.Resource(world, house.postgres_cores)
        self._postgres_us = 0.0
        self._shared = shared
        self._apis = [Worker(world, shared) for _ in range(house.api)]
        self._lanes = [Worker(world, shared) for _ in range(house.lanes)]
        self._relay = Worker(world, shared)
        self._notifiers = [Worker(world, shared) for _ in range(house.notifiers)]
        self._inboxes: list[simpy.Store] = [simpy.Store(world) for _ in self._apis]
        self._waiting: list[simpy.Store] = [simpy.Store(world) for _ in self._lanes]
        self._decided: list[Command] = []
        self._waits_ms: list[float] = []
        self._told_ms: list[float] = []

    def run(self) -> Outcome:
        world, until = self._world, self._load.seconds * 1e6
        for api, inbox in zip(self._apis, self._inboxes, strict=True):
            for _ in range(2):  # connections of an inbox writer
                world.process(self._write(api, inbox))
        for worker, waiting in zip(self._lanes, self._waiting, strict=True):
            world.process(self._decide(worker, waiting))
        world.process(self._number())
        for client in range(self._load.clients):
            world.process(self._client(self._apis[client % len(self._apis)]))
        if self._load.per_s:
            world.process(self._arrive())
        world.run(until=until)
        return self._outcome(until)

    def _client(self, api: Worker) -> Steps:
        while True:
            yield from on_core(self._world, self._shared, self._costs.wrk.of(1) if self._shared else 0.0)
            yield from self._book(api)

    def _arrive(self) -> Steps:
        number = 0
        while True:
            yield self._world.timeout(self._random.expovariate(self._load.per_s) * 1e6)
            self._world.process(self._book(self._apis[number % len(self._apis)]))
            number += 1

    def _book(self, api: Worker) -> Steps:
        begun = self._world.now
        command = Command(begun, api, self._world.event())
        yield from api.work(self._costs.api.item_us * API_BEFORE)
        yield self._inboxes[self._apis.index(api)].put(command)
        yield command.decided
        yield from api.work(self._costs.api.item_us * (1 - API_BEFORE))
        yield self._world.timeout(self._costs.hop_us)
        self._waits_ms.append((self._world.now - begun) / 1000)

    def _write(self, api: Worker, inbox: simpy.Store) -> Steps:
        while True:
            group = [(yield inbox.get()), *taken(inbox, len(inbox.items))]
            yield from api.work(self._costs.api.visit_us)
            yield from self._in_postgres(scaled(self._costs.postgres, INBOX_PART).of(len(group)))
            yield self._world.timeout(self._costs.fsync_us + 2 * self._costs.hop_us + self._costs.wake_us / 2)
            for command in group:
                yield self._waiting[self._random.randrange(len(self._lanes))].put(command)

    def _decide(self, worker: Worker, waiting: simpy.Store) -> Steps:
        before = 0
        while True:
            first = yield waiting.get()
            most = min(BATCH_COMMANDS, max(PEOPLE_MIN, ceil(PEOPLE_PART * (1 + len(waiting.items) + before))))
            batch = [first, *taken(waiting, most - 1)]
            before = len(batch)
            yield self._world.timeout(self._costs.wake_us / 2)
            yield from worker.work(self._costs.lanes.of(len(batch)))
            yield from self._in_postgres(scaled(self._costs.postgres, 1 - INBOX_PART).of(len(batch)))
            yield self._world.timeout(self._costs.fsync_us + 2 * ROUND_TRIPS * self._costs.hop_us)
            for command in batch:
                command.decided.succeed()
            self._decided += batch

    def _number(self) -> Steps:
        while True:
            yield self._world.timeout(RELAY_EVERY_US)
            batch, self._decided = self._decided, []
            if batch:
                yield from self._relay.work(self._costs.sweeps.of(len(batch)))
                for notifier in self._notifiers:
                    self._world.process(self._tell(notifier, batch))

    def _tell(self, notifier: Worker, batch: list[Command]) -> Steps:
        sockets = self._house.sockets / len(self._notifiers)
        yield from notifier.work(len(batch) * (self._costs.event_us + sockets * self._costs.send_us))
        self._told_ms += [(self._world.now - command.begun_us) / 1000 for command in batch]

    def _in_postgres(self, us: float) -> Steps:
        self._postgres_us += us
        yield from on_core(self._world, self._postgres, us)

    def _outcome(self, until_us: float) -> Outcome:
        settled = self._waits_ms[len(self._waits_ms) // 4 :]
        cores = self._house.shared_cores or self._house.postgres_cores
        kinds = {"api": self._apis, "lanes": self._lanes, "relay": [self._relay], "notifiers": self._notifiers}
        busy = {name: max(one.worked_us for one in workers) / until_us for name, workers in kinds.items()}
        busy["postgres"] = self._postgres_us / until_us / cores
        return Outcome(
            len(self._waits_ms) / self._load.seconds,
            percentile(settled, 50),
            percentile(settled, 99),
            percentile(self._told_ms, 99),
            {name: round(part, 3) for name, part in busy.items()},
        )


def taken(store: simpy.Store, most: int) -> list[Any]:
    """Up to so many of what lies in it, at once."""
    found, store.items[:most] = store.items[:most], []
    return found


def scaled(cost: Cost, part: float) -> Cost:
    return Cost(cost.visit_us * part, cost.item_us * part)


def percentile(values: list[float], number: int) -> float:
    """Infinity where nothing came."""
    if len(values) < 2:
        return float("inf")
    return quantiles(values, n=SERVE_PERCENTILES, method="inclusive")[number - 1]
