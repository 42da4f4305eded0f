"""Real servers and real processes for tests, by the same definitions that `make run` uses.

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

import asyncio
import os
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import httpx
import psycopg
from psycopg import sql

from core.engine.sweep import send_canary
from core.settings import Settings, from_environment
from core.store.database import connect_lane
from core.store.migrate import upgrade
from ops import demo
from ops.child import Child, Program
from ops.embedded.postgres import Postgres
from ops.embedded.valkey import Valkey
from ops.environment import ROOT, child_environment, installed
from ops.ports import accepts, free_ports
from ops.processes import NOTIFIER, PIPELINE, Process

READY_WITHIN_S = 60.0
LANES_DEFAULT = 8
LOOKS = 10
"""Each finds one API process or another: enough to meet all."""
_TEMPLATE = "template_holdfast"
_DEMO_TEMPLATE = "template_demo"
_POLL_S = 0.05


def wait_until(condition: Callable[[], bool], what: str, within_s: float = READY_WITHIN_S) -> None:
    """Poll `condition`; raises TimeoutError that says what did not come true."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s:g} s: {what}")
        time.sleep(_POLL_S)


async def until(condition: Callable[[], bool], what: str, within_s: float = READY_WITHIN_S) -> None:
    """`wait_until` for tests whose event loop must go on meanwhile."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s:g} s: {what}")
        await asyncio.sleep(_POLL_S)


class Server:
    """One server process that a test may kill, stop and start again."""

    def __init__(self, program: Program, answers: Callable[[], bool]) -> None:
        self.program = program
        self._answers = answers
        self._child: Child | None = None

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def child(self) -> Child:
        assert self._child is not None, f"{self.name} was not started"
        return self._child

    @property
    def pid(self) -> int:
        return self.child.pid

    @property
    def log(self) -> str:
        return self.program.log.read_text(errors="replace")

    def start(self, *, wait: bool = True) -> None:
        assert self._child is None or self._child.exit_code() is not None, f"{self.name} runs already"
        self._child = Child(self.program)
        if wait:
            self.wait()

    def wait(self) -> None:
        """Until it answers."""
        wait_until(self._answers_or_fails, f"{self.name} answers")

    def _answers_or_fails(self) -> bool:
        code = self.child.exit_code()
        assert code is None, f"{self.name} ended with {code}:\n{self.child.tail()}"
        return self._answers()

    def kill(self) -> None:
        """kill -9, with everything in its process group."""
        self.child.kill()
        assert self.child.wait(10.0)

    def stop(self) -> None:
        """SIGSTOP the whole process group: alive to look at, but doing nothing."""
        os.killpg(self.pid, SIGSTOP)

    def cont(self) -> None:
        os.killpg(self.pid, SIGCONT)

    def mend(self) -> None:
        """Run, whatever was done to it; does not wait."""
        if self.child.exit_code() is None:
            self.cont()
        else:
            self.start(wait=False)

    def terminate(self) -> int:
        """Gracefully, as a deployment would; its exit code."""
        self.child.stop()
        code = self.child.exit_code()
        assert code is not None
        return code

    def restart(self) -> None:
        self.terminate()
        self.start()

    def close(self) -> None:
        if self._child is not None:
            with suppress(ProcessLookupError):
                self.cont()
            self._child.kill()
            self._child.wait(10.0)


class PostgresServer(Server):
    """PostgreSQL with a migrated template, so that a new database costs a tenth of a second."""

    def __init__(self, folder: Path, extra: Mapping[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        password = folder / "password"
        password.write_text(secrets.token_urlsafe(24))
        password.chmod(0o600)
        self.cluster = Postgres(folder / "pg", free_ports(1)[0], password)
        self.cluster.create()
        super().__init__(self.cluster.program(folder / "postgres.log", extra), self.cluster.answers)
        self._made: set[str] = set()

    def url(self, database: str) -> str:
        return self.cluster.url(database)

    def new_database(self, *, demo: bool = False) -> str:
        """The URL of a new migrated database, with the demo data if asked for."""
        name, template = f"t_{secrets.token_hex(6)}", self._template(demo=demo)
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")  # a third faster than by the log
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def drop_database(self, url: str) -> None:
        name = sql.Identifier(url.rsplit("/", 1)[1])
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def _template(self, *, demo: bool) -> str:
        name = _DEMO_TEMPLATE if demo else _TEMPLATE
        if name not in self._made:
            self.cluster.create_database(name)
            _prepare(self.url(name), load_demo=demo)
            self._made.add(name)
        return name


def _prepare(database_url: str, *, load_demo: bool) -> None:
    settings = settings_for(database_url, "redis://127.0.0.1:1/0")
    upgrade(settings)
    if load_demo:
        demo.load(settings)


class ValkeyServer(Server):
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        password = folder / "password"
        password.write_text(secrets.token_urlsafe(24))
        self.cluster = Valkey(folder, free_ports(1)[0], password)
        super().__init__(self.cluster.program(folder / "valkey.log"), self.cluster.answers)

    @property
    def url(self) -> str:
        return self.cluster.url()


def stack_environment(database_url: str, redis_url: str, *, lanes: int = LANES_DEFAULT) -> dict[str, str]:
    """The settings of a demo stack; ports come on top."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "HOLDFAST_DEMO": "1",
        "HOLDFAST_SECRET_KEY": "a-secret-of-the-tests-that-guards-nothing",
        "HOLDFAST_LANES": str(lanes),
    }


def settings_for(database_url: str, redis_url: str, *, lanes: int = LANES_DEFAULT) -> Settings:
    return from_environment(stack_environment(database_url, redis_url, lanes=lanes))


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
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        program = Program(
            name=instance,
            argv=installed(process.command(instance)),
            environment=child_environment(self.full_environment(), kept),
            directory=ROOT,
            log=self.folder / f"{instance}.log",
            stop_signal=process.stop_signal,
            stop_timeout_s=process.stop_timeout_s,
        )
        self._servers[instance] = server = Server(program, lambda: self._answers(process))
        server.start(wait=False)
        return server

    def _answers(self, process: Process) -> bool:
        if process.port is None:
            return True
        return accepts(self.notifier_port if process is NOTIFIER else self.api_port)

    def mend(self) -> None:
        """Start what was killed, let go on what was stopped, end what was added; until it serves as ever."""
        instances = {instance for process in self.processes for instance in process.instances()}
        for added in self._servers.keys() - instances:
            self._servers.pop(added).close()
        for server in (self.valkey, *self.servers):
            server.mend()
        self.wait_ready()
        wait_until(lambda: all(self._counts_strangers() for _ in range(LOOKS)), "each API process finds Redis again")

    def _counts_strangers(self) -> bool:
        """An API process that takes Redis for away lets no stranger write, whatever it is."""
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
        for server in self.servers:
            server.close()
        self.valkey.close()
