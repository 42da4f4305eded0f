"""Processes of two releases on one database, replaced one after another while they serve."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import httpx
import psycopg

from ops.embedded.child import Program
from ops.embedded.environment import child_environment, installed
from ops.ports import accepts, free_ports
from ops.processes import Process
from tests.support.clients.http_client import agent_booking
from tests.support.processes.servers import Server, ValkeyServer, stack_environment
from tests.support.wait import wait_until
from tests.upgrade.caller import Plain
from tests.upgrade.releases import Release

COUNTS: Mapping[str, int] = {"api": 2, "lanes": 2, "payments": 1, "sweeps": 1, "beat": 1, "notifier": 1}
"""How many of each are running, unless told."""
ONE_EACH: Mapping[str, int] = dict.fromkeys(COUNTS, 1)
READY = " ready."
"""What a worker's log says when it has started."""
WAITS = "migrate the database"
"""What the log of a process says that waits for that."""
SEND_CANARY = """
from core.engine.sweep import send_canary
from core.settings import from_environment
try:
    from core.store.connections.database import connect_lane
except ImportError:  # the previous release
    from core.store.database import connect_lane
with connect_lane(from_environment().database_url, "holdfast tests") as connection:
    send_canary(connection, 0)
"""
"""Else an API process is ready only after beat's first, five seconds after its start."""


@dataclass(eq=False)
class Running:
    """One process of one release."""

    release: Release
    process: Process
    server: Server
    port: int
    started_at: float
    start_s: float | None = None
    """How long it took until it served; None until then."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass
class Fleet:
    """`places` are where processes run, such as `api-1`. Each place has one process, and while it is replaced two."""

    folder: Path
    database_url: str
    valkey: ValkeyServer
    settings: Mapping[str, str]
    """On top of `stack_environment`."""
    counts: Mapping[str, int] = field(default_factory=lambda: COUNTS)
    places: dict[str, Running] = field(default_factory=dict)
    waiting: dict[str, Running] = field(default_factory=dict)
    """New ones that cannot serve before the database is migrated, by the place that they are for."""
    all_starts_s: list[float] = field(default_factory=list)
    """Of all processes that did not have to wait for the database."""

    def environment(self, port: int = 1) -> dict[str, str]:
        return {
            **stack_environment(self.database_url, self.valkey.url),
            "HOLDFAST_API_BIND": f"127.0.0.1:{port}",
            "HOLDFAST_API_PROCESSES": "1",
            "HOLDFAST_NOTIFIER_PORT": str(port),
            **self.settings,
        }

    def start(self, release: Release) -> None:
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        release.run("-c", SEND_CANARY, settings=self.environment())
        for wave in self.waves_of(*self.counts):
            self.places |= {place: self.run(release, place) for place in wave}
        for running in self.places.values():
            self.wait_serving(running)

    def waves_of(self, *kinds: str) -> list[list[str]]:
        """Places that may be replaced together: the first of each kind, then the second of those that have two."""
        most = max(self.counts[kind] for kind in kinds)
        return [[f"{kind}-{number}" for kind in kinds if number <= self.counts[kind]] for number in range(1, most + 1)]

    def run(self, release: Release, place: str) -> Running:
        """Start a process of a release for a place; does not wait for it."""
        process = release.processes[kind_of(place)]
        name = f"{place}-{release.name}"
        (port,) = free_ports(1)
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        settings = {**self.environment(port), **release.environment(), "TMPDIR": str(self.folder / "tmp")}
        program = Program(
            name=name,
            argv=installed(tuple(word.replace(f"{process.name}@%h", f"{name}@%h") for word in process.argv)),
            environment=child_environment(settings, kept),
            directory=release.root,
            log=self.folder / f"{name}-{port}.log",
            stop_signal=process.stop_signal,
            stop_timeout_s=process.stop_timeout_s,
        )
        server = Server(program, lambda: True)
        server.start(wait=False)
        return Running(release, process, server, port, time.monotonic())

    def wait_serving(self, running: Running, within_s: float = 60.0) -> None:
        try:
            wait_until(lambda: self.serves(running), f"{running.server.name} serves", within_s)
        except (TimeoutError, AssertionError) as problem:
            raise AssertionError(f"{problem}\n{running.server.child.tail()}") from None

    def serves(self, running: Running) -> bool:
        """Whether it has started; notes how long that took. Raises AssertionError if it has ended."""
        code = running.server.child.exit_code()
        assert code is None, f"{running.server.name} ended with {code}"
        if running.start_s is None and self._does_serve(running):
            running.start_s = time.monotonic() - running.started_at
            if running.process.name != "beat" and running not in self.waiting.values():
                self.all_starts_s.append(running.start_s)
        return running.start_s is not None

    def _does_serve(self, running: Running) -> bool:
        match running.process.name:
            case "api":
                return _is_ready(running.url)
            case "notifier":
                return accepts(running.port)
            case "beat":
                return True  # it says nothing
            case _:
                return READY in running.server.log

    def replace(self, places: Sequence[str], release: Release) -> None:
        """Where another of the kind serves, one ends and the next starts in its place; the only one of its kind ends
        when the next one serves."""
        only = [place for place in places if self.counts[kind_of(place)] == 1]
        others = [place for place in places if place not in only]
        self._end([self.places[place] for place in others])
        started = {place: self.run(release, place) for place in places}
        self.places |= {place: started[place] for place in others}
        for running in started.values():
            self.wait_serving(running)
        ending = [self.places[place] for place in only]
        self.places |= {place: started[place] for place in only}
        self._end(ending)

    def start_beside(self, places: Sequence[str], release: Release) -> None:
        """Start new processes that cannot serve yet, beside those that do."""
        self.waiting |= {place: self.run(release, place) for place in places}
        for place in places:
            one = self.waiting[place]
            wait_until(lambda: self._is_seen_waiting(one), f"{one.server.name} says that it waits")  # noqa: B023

    def _is_seen_waiting(self, running: Running) -> bool:
        assert running.server.child.exit_code() is None, f"{running.server.name} ended:\n{running.server.child.tail()}"
        match running.process.name:
            case "beat":
                return True  # it needs no database
            case "lanes" | "payments":
                return READY in running.server.log  # it is called only while nobody else serves
            case "api":
                return not _is_ready(running.url) and WAITS in running.server.log
            case _:
                return WAITS in running.server.log

    def let_take_over(self, places: Sequence[str]) -> None:
        """Those that waited serve by now, or soon; then those end that served so long."""
        for place in places:
            self.wait_serving(self.waiting[place])
        self._end([self.places[place] for place in places])
        self.places |= {place: self.waiting.pop(place) for place in places}

    @staticmethod
    def _end(ending: Sequence[Running]) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda running: running.server.terminate(), ending))

    def of(self, kind: str) -> list[Running]:
        return [running for place, running in self.places.items() if kind_of(place) == kind]

    def api_urls(self) -> list[str]:
        """Where clients are sent: to those that serve, as a balancer finds out by asking `/readyz`."""
        return [running.url for running in self.of("api") if running.start_s is not None]

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.of('notifier')[0].port}"

    def database(self) -> psycopg.Connection[tuple[object, ...]]:
        """A connection of the test's own, in autocommit mode."""
        return psycopg.connect(self.database_url, autocommit=True)

    def revision(self) -> str:
        with self.database() as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        assert row is not None
        return str(row[0])

    def everybody(self) -> list[Running]:
        return [*self.places.values(), *self.waiting.values()]

    def logs(self, lines: int = 12) -> str:
        """The end of every process's log."""
        return "\n".join(
            f"--- {one.server.name} ({'waits' if one.start_s is None else 'serves'})\n{one.server.child.tail(lines)}"
            for one in self.everybody()
        )

    def said(self, word: str) -> dict[str, int]:
        """How often the logs of each release say something, all its processes so far."""
        names = ("old", "new")
        return {
            name: sum(log.read_text(errors="replace").count(word) for log in self.folder.glob(f"*-{name}-*.log"))
            for name in names
        }

    def close(self) -> None:
        for running in self.everybody():
            running.server.close()
        self.valkey.close()


def kind_of(place: str) -> str:
    return place.rpartition("-")[0]


def _is_ready(url: str) -> bool:
    try:
        with Plain(base_url=url, timeout=5.0) as client:
            if client.get("/readyz").status_code != HTTPStatus.OK:
                return False
            _book_alone(client)
    except httpx.TransportError:
        return False
    return True


def _book_alone(client: Plain) -> None:
    """An API process of 0460132 does not know the desk before its first booking, and lets those that come
    beside it go to another lane, out of order (mended since): no crowd is let in before.
    """
    assert client.post("/api/agent/booking/create/", json=agent_booking()).status_code in {201, 202}
