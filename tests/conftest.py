"""Fixtures that all tests share; `tests.support.processes.stack` tells how to use them."""

from __future__ import annotations

import fcntl
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
import structlog
from hypothesis import HealthCheck, settings
from websockets.sync.client import ClientConnection

from tests.support.conformance import feeds
from tests.support.conformance.answers import conformance
from tests.support.payments.payer import StripeServer, stripe_server
from tests.support.processes import spoken_secrets
from tests.support.processes.own_ports import keep_to_own_ports
from tests.support.processes.servers import PostgresServer, ValkeyServer
from tests.support.processes.stack import Stack

pytest_plugins = ("pytester", "tests.support.conformance.whole_run")

FreshStack = Callable[..., Stack]
NewValkey = Callable[[], ValkeyServer]
FIGURE = "figure"
"""A test's property with what it measured: `record_property(FIGURE, "2,345 cases")`."""

UNSYNCED = {"fsync": "off", "scram_iterations": "1"}
"""No test takes the machine's power away, and a killed process loses nothing that it has written. Hundreds of
databases are made and dropped a session, each with a checkpoint. Nobody guesses the application's password here, and
hashing it 4,096 times was most of what a connection cost its client. Benchmarks measure with PostgreSQL's defaults."""
NEVER_KILLED = {**UNSYNCED, "full_page_writes": "off"}
"""After each of those checkpoints every page that is touched would go into the log as a whole."""


def pytest_configure() -> None:
    """Logs of what runs in the tests' own process: as people read them, but not drawn, which takes a second an error."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
    if (
        signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    ):  # as in a shell's background job: so would all that tests start
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # How long an example takes, and how long it takes to make one, the machine decides.
    settings.register_profile("holdfast", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("holdfast")
    keep_to_own_ports()


@pytest.fixture(autouse=True)
def _logging_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that a test runs in this process would send all logging elsewhere, for every test after it."""
    monkeypatch.setattr("core.logs.configure", lambda *_: None)


@pytest.fixture(scope="session")
def prepared_cluster(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A stopped PostgreSQL with its templates: one for all workers, which copy it."""
    root = tmp_path_factory.getbasetemp()
    root = root if worker_id == "master" else root.parent
    done, folder = root / "cluster-is-prepared", root / "cluster"
    with (root / "cluster-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            PostgresServer(folder, UNSYNCED).prepare()
            done.touch()
    return folder


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory, prepared_cluster: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(tmp_path_factory.mktemp("postgres"), NEVER_KILLED, prepared_cluster)
    server.start()
    yield server
    server.child.stop()


@pytest.fixture
def database_url(postgres: PostgresServer) -> Iterator[str]:
    url = postgres.new_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.close()


@pytest.fixture
def redis_url(valkey: ValkeyServer) -> str:
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()
    return valkey.url


@pytest.fixture
def new_valkey(tmp_path: Path) -> Iterator[NewValkey]:
    servers: list[ValkeyServer] = []

    def start() -> ValkeyServer:
        server = ValkeyServer(tmp_path / f"valkey-{len(servers)}")
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="module")
def stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeServer]:
    """The scripted stand-in, with books of its own for each file."""
    with stripe_server(tmp_path_factory.mktemp("stripe")) as server:
        yield server


@pytest.fixture(scope="session")
def stack(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(postgres, tmp_path_factory.mktemp("stack")) as one:
        yield one


@pytest.fixture(scope="session")
def spare_stack(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(postgres, tmp_path_factory.mktemp("spare")) as one:
        yield one


@pytest.fixture
def breakable_stack(spare_stack: Stack) -> Stack:
    """Whole again, whatever the test before did to it."""
    spare_stack.mend()
    return spare_stack


@pytest.fixture
def fresh_stack(postgres: PostgresServer, tmp_path: Path) -> Iterator[FreshStack]:
    """`fresh_stack(processes=..., lanes=..., environment=..., wait=True)` starts one; it ends with the test."""
    started: list[Stack] = []
    numbers = count()

    def start(*, wait: bool = True, **arguments: Any) -> Stack:
        fresh = new_stack(postgres, tmp_path / f"stack-{next(numbers)}", **arguments)
        started.append(fresh)
        return fresh.start(wait=wait)

    yield start
    for one in started:
        one.close()
        postgres.drop_database(one.database_url)


RUNNING = {"HOLDFAST_API_PROCESSES": "2", "HOLDFAST_METRICS_POSTGRESQL": "1"}


@contextmanager
def running(postgres: PostgresServer, folder: Path) -> Iterator[Stack]:
    """With two API processes on any machine: requests that belong together meet different ones."""
    one = new_stack(postgres, folder, environment=RUNNING)
    try:
        yield one.start()
    finally:
        one.close()


def new_stack(postgres: PostgresServer, folder: Path, **arguments: Any) -> Stack:
    """Not started; its maker closes it."""
    valkey = ValkeyServer(folder / "valkey")
    valkey.start()
    database_url = arguments.pop("database_url", None) or postgres.new_database(demo=True)
    return Stack(folder=folder, database_url=database_url, valkey=valkey, **arguments)


UNTOLD = httpx.Timeout(5.0).as_dict()
"""What httpx waits where nobody said how long."""
PATIENCE = httpx.Timeout(60.0).as_dict()


def patient(request: httpx.Request) -> httpx.Request:
    """A request whose test named no timeout waits as long as a busy machine needs: the answer is what is tested."""
    if request.extensions.get("timeout") == UNTOLD:
        request.extensions["timeout"] = PATIENCE
    return request


@pytest.fixture(scope="session", autouse=True)
def _held_to_the_description() -> Iterator[None]:
    """Every answer and every message that a test hears is checked: see `tests.support.conformance.answers`, `tests.support.conformance.feeds`."""
    send, send_async = httpx.Client.send, httpx.AsyncClient.send

    def checked(self: httpx.Client, request: httpx.Request, *, stream: bool = False, **how: Any) -> httpx.Response:
        response = send(self, patient(request), stream=stream, **how)
        if not stream:
            spoken_secrets.listen(response)
            conformance().check(response)
            feeds.heard().plain(response)
        return response

    async def checked_async(
        self: httpx.AsyncClient, request: httpx.Request, *, stream: bool = False, **how: Any
    ) -> httpx.Response:
        response = await send_async(self, patient(request), stream=stream, **how)
        if not stream and not isinstance(self._transport, httpx.ASGITransport):  # that has stand-ins for responders
            spoken_secrets.listen(response)
            conformance().check(response)
        return response

    with pytest.MonkeyPatch.context() as patch:
        # Reading the authorities' certificates takes 25 ms, for each client of thousands; none of the cached is changed.
        patch.setattr("httpx._transports.default.create_ssl_context", cache(httpx.create_ssl_context))
        patch.setattr(httpx.Client, "send", checked)
        patch.setattr(httpx.AsyncClient, "send", checked_async)
        patch.setattr(ClientConnection, "recv", feeds.recv)
        patch.setattr(ClientConnection, "handshake", feeds.handshake)
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show the logs of a failing test's stacks."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's Result, typed as None here
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Stack):
                report.sections.append((f"logs of {name}", value.logs()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests measured, whichever worker ran them."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    for name, value in (one for report in reports for one in report.user_properties):
        if name == FIGURE:
            terminalreporter.write_line(str(value))
