"""A running stack for tests: real processes, by the same definitions that `make run` uses, on `tests.support.processes.servers`.

Fixtures (tests/conftest.py):

- `postgres`: one PostgreSQL a session; `postgres.new_database(demo=...)` is a migrated copy, fast.
- `database_url`: a fresh migrated database for one test, empty but for what migrations bring.
- `valkey`: one Valkey a session; `redis_url`: its address, emptied before the test.
- `new_valkey()`: a server of the test's own, to kill (`.kill()`) and start again (`.start()`).
- `stack`: a whole running pipeline with the demo data, shared by the session: leave it as you found it.
- `breakable_stack`: another of the session, for those who kill, stop and empty its parts; mended before each test.
- `fresh_stack(...)`: one for a test alone, with settings of its own. Arguments are those of `Stack`.

    def test_the_lane_goes_on(breakable_stack):
        breakable_stack.process("lanes-1").kill()
        httpx.post(f"{breakable_stack.api_url}/api/agent/booking/create/", json=...)

Failing tests show the ends of the logs of the stacks they use.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg

from core.configuration.secret_settings import DATABASE
from core.engine.sweep import send_canary
from core.settings import Settings, from_environment
from core.store.connections.database import connect_lane
from core.store.migrate import upgrade
from ops.embedded.child import Program
from ops.embedded.environment import ROOT, child_environment, installed
from ops.ports import accepts, free_ports
from ops.processes import APPLICATION, NOTIFIER, PIPELINE, Process
from tests.support.processes import spoken_secrets
from tests.support.processes.servers import LANES_DEFAULT, Server, ValkeyServer, stack_environment
from tests.support.wait import READY_WITHIN_S, wait_until

WORKERS = ("lanes", "payments", "deliveries", "sweeps")
WORKER_READY = " ready."
"""What a Celery worker's log says when it consumes."""
LOOKS = 10
"""Each finds one API process or another: enough to meet all."""

WITH_DATABASE = tuple(process for process in APPLICATION if DATABASE in process.secrets)
"""All processes but Flower, which is not given the database's address."""


@dataclass
class Stack:
    """Any of the application's processes, with their exact commands, against one database and one Valkey."""

    folder: Path
    database_url: str
    valkey: ValkeyServer
    processes: Iterable[Process] = PIPELINE
    lanes: int = LANES_DEFAULT
    environment: Mapping[str, str] = field(default_factory=dict)
    """On top of `stack_environment`, e.g. {"HOLDFAST_DEMO": "0"}."""
    api_port: int = 0
    notifier_port: int = 0
    _servers: dict[str, Server] = field(default_factory=dict)
    _metrics_ports: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.processes = tuple(self.processes)
        ports = free_ports(2)
        self.api_port, self.notifier_port = self.api_port or ports[0], self.notifier_port or ports[1]

    @property
    def api_url(self) -> str:
        """No slash at the end."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def ws_url(self) -> str:
        """No slash at the end."""
        return f"ws://127.0.0.1:{self.notifier_port}"

    @property
    def redis_url(self) -> str:
        return self.valkey.url

    @property
    def settings(self) -> Settings:
        return from_environment(self.full_environment())

    def full_environment(self) -> dict[str, str]:
        return {
            **stack_environment(self.database_url, self.redis_url, lanes=self.lanes),
            "HOLDFAST_PUBLIC_URL": self.api_url,
            "HOLDFAST_API_BIND": f"127.0.0.1:{self.api_port}",
            "HOLDFAST_NOTIFIER_PORT": str(self.notifier_port),
            **self.environment,
        }

    def start(self, *, wait: bool = True) -> Stack:
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        if self.lanes != LANES_DEFAULT:
            upgrade(self.settings)
        with connect_lane(self.database_url, "holdfast tests") as connection:
            send_canary(connection, 0)
        for process in self.processes:
            for instance in process.instances():
                self.add(process, instance)
        if wait:
            self.wait_ready()
        return self

    def add(self, process: Process, instance: str) -> Server:
        """Start one more, e.g. `add(LANES, "lanes-3")`; does not wait for it."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        kept["TMPDIR"] = str(self.folder / "tmp")  # what is killed cannot remove its own
        program = Program(
            name=instance,
            argv=installed(process.command(instance)),
            environment=child_environment(self.environment_of(process, instance), kept),
            directory=ROOT,
            log=self.folder / f"{instance}.log",
            stop_signal=process.stop_signal,
            stop_timeout_s=process.stop_timeout_s,
        )
        self._servers[instance] = server = Server(program, lambda: self._answers(process))
        server.start(wait=False)
        return server

    def environment_of(self, process: Process, instance: str) -> dict[str, str]:
        """The settings of one process."""
        return {**self.full_environment(), **self._metrics(process, instance)}

    def remove(self, instance: str) -> None:
        """End one that was added."""
        self._servers.pop(instance).close()

    def _metrics(self, process: Process, instance: str) -> dict[str, str]:
        if not process.has_metrics or "HOLDFAST_METRICS_PORT" in self.environment:
            return {}
        port = self._metrics_ports.setdefault(instance, free_ports(1)[0])
        return {"HOLDFAST_METRICS_PORT": str(port)}

    def metrics_url(self, instance: str) -> str:
        """Where Prometheus would scrape it."""
        return f"http://127.0.0.1:{self._metrics_ports[instance]}/metrics"

    @property
    def metrics_targets(self) -> dict[str, str]:
        """`host:port` by instance."""
        return {instance: f"127.0.0.1:{port}" for instance, port in self._metrics_ports.items()}

    def _answers(self, process: Process) -> bool:
        if process.port is None:
            return True
        return accepts(self.notifier_port if process is NOTIFIER else self.api_port)

    def mend(self) -> None:
        """Start what was killed, let go on what was stopped, end what was added; until it serves as ever."""
        instances = {instance for process in self.processes for instance in process.instances()}
        for added in self._servers.keys() - instances:
            self._servers.pop(added).close()
        ended = {name: server for name, server in self._servers.items() if server.child.exit_code() is not None}
        started = {name: server.log.count(WORKER_READY) for name, server in ended.items() if name.startswith(WORKERS)}
        for server in (self.valkey, *self.servers):
            server.mend()
        for name, before in started.items():  # a canary needs but one of the lane workers
            wait_until(lambda: ended[name].log.count(WORKER_READY) > before, f"{name} is ready", READY_WITHIN_S)  # noqa: B023
        self.wait_ready()
        wait_until(
            lambda: all(self._counts_anonymous_writes() for _ in range(LOOKS)), "each API process finds Redis again"
        )

    def _counts_anonymous_writes(self) -> bool:
        """An API process that takes Redis for away refuses every anonymous write."""
        return httpx.post(f"{self.api_url}/api/agent/booking/create/", json={}).status_code != 503

    def process(self, name: str) -> Server:
        """By instance: api, lanes-1, lanes-2, sweeps, beat, notifier."""
        return self._servers[name]

    @property
    def servers(self) -> tuple[Server, ...]:
        return tuple(self._servers.values())

    def wait_ready(self, within_s: float = READY_WITHIN_S) -> None:
        """Until a canary has gone through everything that this stack has."""
        try:
            wait_until(self.is_ready, "the stack is ready", within_s)
        except (TimeoutError, AssertionError) as problem:
            raise AssertionError(f"{problem}\nreadyz: {self.readyz()}\n{self.logs()}") from None

    def is_ready(self) -> bool:
        for server in self.servers:
            code = server.child.exit_code()
            assert code is None, f"{server.name} ended with {code}"
        answer = self.readyz()
        return answer is not None and set(answer["down"]) <= self._absent()

    def _absent(self) -> set[str]:
        return {"notifier"} if NOTIFIER not in tuple(self.processes) else set()

    def readyz(self) -> dict[str, list[str]] | None:
        """The body of /readyz, or None while the API does not answer."""
        try:
            body: dict[str, list[str]] = httpx.get(f"{self.api_url}/readyz", timeout=5.0).json()
        except (httpx.HTTPError, ValueError):
            return None
        return body

    def database(self) -> psycopg.Connection[tuple[object, ...]]:
        """A connection of the test's own, in autocommit mode."""
        return psycopg.connect(self.database_url, autocommit=True)

    def logs(self, lines: int = 15) -> str:
        """The end of every process's log."""
        return "\n".join(f"--- {server.name}\n{server.child.tail(lines)}" for server in self.servers)

    def close(self) -> None:
        """Its processes, and its Valkey with them."""
        self.end_processes()
        self.valkey.close()

    def end_processes(self) -> None:
        """For a stack beside another one, whose Valkey it uses."""
        for server in self.servers:
            server.close()
        spoken_secrets.check_logs({server.name: server.program.log for server in self.servers}, self.settings)
