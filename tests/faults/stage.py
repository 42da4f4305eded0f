"""Where faults strike: a stack of many processes, the stores, a front door, a proxy, endpoints, and client processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import psycopg
from msgspec import Struct

from ops.embedded.child import Program
from ops.embedded.environment import ROOT
from ops.ports import free_ports
from ops.processes import API, BEAT, DELIVERIES, LANES, NOTIFIER, PAYMENTS, SWEEPS, Process
from tests.faults.clients.orders import Orders, Things
from tests.faults.proxy import Proxy
from tests.support.payments.payer import StripeServer
from tests.support.processes.front_door import FrontDoor, front_door
from tests.support.processes.servers import PostgresServer, Server, ValkeyServer
from tests.support.processes.stack import Stack
from tests.support.webhooks import WebhookReceiver

NOTIFIERS = replace(NOTIFIER, count=2)
PROCESSES = (API, LANES, SWEEPS, PAYMENTS, DELIVERIES, BEAT, NOTIFIERS)
HOLD_S = 10
SETTINGS: Mapping[str, str] = {
    "HOLDFAST_API_PROCESSES": "2",
    "HOLDFAST_MAX_HOLDS_PER_USER": "0",
    "HOLDFAST_HOLD_SECONDS": str(HOLD_S),
    "HOLDFAST_HOLD_EXTENSION_SECONDS": str(HOLD_S),
    "HOLDFAST_PAYMENT_LOOK_SECONDS": "1",
    "HOLDFAST_PAYMENT_METHOD_TYPES": "card",
    "HOLDFAST_ANONYMOUS_WRITES_PER_MINUTE": "1000000",
    "HOLDFAST_UNDECIDED_PER_USER": "1000",
    "HOLDFAST_DELIVERY_RETRY_SECONDS": "86400",
    "HOLDFAST_WEBHOOK_TIMEOUT_SECONDS": "5",
    "HOLDFAST_MAILS": "0",
}
DURABLE: Mapping[str, str] = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    # A commit that does not wait for its record to be written is then lost in a crash, and not saved by chance.
    "wal_writer_delay": "10s",
}
"""As in production, whatever the tests' own servers do."""
STOPS_WITHIN_S = 100.0
BEHIND_PROXIES = frozenset({"api", "lanes-2", "notifier-2", "deliveries"})
"""They reach the database and Valkey through proxies, which can cut them off; others of their kind do not."""
THREADS_MAX = 8
"""Of a client process."""


class Cast(Struct, frozen=True):
    """Who acts, and on what."""

    things: Things
    people: list[str]
    """`Authorization` of each."""
    desk: list[str]
    owner: str
    """As whom the feed of commands knows the first of the desk."""


class FaultStack(Stack):
    """Two notifiers, each with its port; `special` holds environment of single instances, `proxied` that of those behind proxies."""

    special: dict[str, dict[str, str]]
    proxied: dict[str, str]
    notifier_ports: dict[str, int]

    def __post_init__(self) -> None:
        super().__post_init__()
        self.special, self.proxied = {}, {}
        self.notifier_ports = dict(zip(NOTIFIERS.instances(), (self.notifier_port, *free_ports(1)), strict=True))

    def environment_of(self, process: Process, instance: str) -> dict[str, str]:
        own = self.special.get(instance, {})
        if instance in self.notifier_ports:
            own = {"HOLDFAST_NOTIFIER_PORT": str(self.notifier_ports[instance]), **own}
        proxied = self.proxied if instance in BEHIND_PROXIES else {}
        return {**super().environment_of(process, instance), **proxied, **own}

    @property
    def ws_urls(self) -> list[str]:
        return [f"ws://127.0.0.1:{port}" for port in self.notifier_ports.values()]


@dataclass
class Stage:
    folder: Path
    postgres: PostgresServer
    stack: FaultStack
    stripe: StripeServer
    receiver: WebhookReceiver
    door: FrontDoor
    proxy: Proxy
    database_proxy: Proxy
    valkey_proxy: Proxy
    mount: Path | None
    """Where the database lies if that is a small file system of its own."""
    clients: list[Server] = field(default_factory=list)
    histories: Path = field(init=False)

    def __post_init__(self) -> None:
        self.histories = self.folder / "histories"
        self.histories.mkdir()

    @property
    def api_urls(self) -> list[str]:
        """By the front door, by the proxy, and straight."""
        return [self.door.url, self.proxy.url, self.stack.api_url]

    def database(self) -> psycopg.Connection[tuple[object, ...]]:
        return self.stack.database()

    def start_client(self, orders: Orders) -> None:
        program = Program(
            name=orders.name,
            argv=(sys.executable, "-m", "tests.faults.clients", msgspec.json.encode(orders).decode()),
            environment={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            directory=ROOT,
            log=self.folder / f"{orders.name}.log",
            stop_timeout_s=STOPS_WITHIN_S,
        )
        client = Server(program, lambda: True)
        client.start(wait=False)
        self.clients.append(client)

    def stop_clients(self, kind: str) -> None:
        """Those whose names begin so finish what they began. Raises AssertionError if one failed by itself."""
        chosen = [one for one in self.clients if one.name.startswith(kind)]
        for client in chosen:
            client.child.signal(signal.SIGTERM)
        for client in chosen:
            assert client.child.wait(STOPS_WITHIN_S), f"{client.name} does not end:\n{client.child.tail()}"
            code = client.child.exit_code()
            assert code == 0, f"{client.name} ended with {code}:\n{client.child.tail(40)}"


@contextmanager
def stage(folder: Path, *, copy_of: Path | None, statements: Sequence[str], mounted: bool) -> Iterator[Stage]:
    """Everything but clients, serving. `statements` change the database before anybody connects."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as closing:
        mount = _mounted(folder / "small", closing) if mounted else None
        postgres = PostgresServer((mount or folder) / "postgres", DURABLE, copy_of)
        closing.callback(postgres.close)
        postgres.start()
        url = postgres.new_database(demo=True)
        with psycopg.connect(postgres.url(url.rsplit("/", 1)[1]), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())
        stripe, receiver = StripeServer(folder / "stripe"), WebhookReceiver(folder / "receiver")
        for server in (stripe, receiver):
            server.start()
            closing.callback(server.close)
        valkey = ValkeyServer(folder / "valkey")
        valkey.start()
        environment = {**stripe.environment(), **SETTINGS}
        stack = FaultStack(folder / "stack", url, valkey, processes=PROCESSES, environment=environment)
        closing.callback(stack.close)
        to_database, to_valkey = (
            _proxied(url, folder, "to-database", closing),
            _proxied(stack.redis_url, folder, "to-valkey", closing),
        )
        stack.proxied = {
            "DATABASE_URL": to_database.instead_of(url),
            "REDIS_URL": to_valkey.instead_of(stack.redis_url),
        }
        stripe.send_webhooks_to(stack.api_url)
        stack.start()
        door = closing.enter_context(
            front_door(folder / "door", api_port=stack.api_port, notifier_port=stack.notifier_port)
        )
        to_api = _proxied(stack.api_url, folder, "to-api", closing)
        made = Stage(folder, postgres, stack, stripe, receiver, door, to_api, to_database, to_valkey, mount)
        closing.callback(_close_clients, made)
        yield made


def _proxied(url: str, folder: Path, name: str, closing: ExitStack) -> Proxy:
    """A proxy that is started before what `url` names."""
    port = urlsplit(url).port
    assert port is not None
    proxy = Proxy(folder, port, name)
    proxy.start()
    closing.callback(proxy.close)
    return proxy


def _close_clients(made: Stage) -> None:
    for client in made.clients:
        client.close()


def _mounted(folder: Path, closing: ExitStack) -> Path | None:
    """A file system of 1.2 GB that can be filled, if this account may mount one."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1200m", "none", str(folder)], capture_output=True, check=False
    )
    if done.returncode != 0:
        return None
    closing.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=False)
    return folder


SHORT: Sequence[Sequence[str]] = (
    ("slots", "slots", "seats", "rooms", "edits"),
    ("slots", "slots", "seats", "credits", "bulks"),
)
WHOLE: Sequence[Sequence[str]] = (
    ("slots", "slots", "rooms", "seats", "edits", "hours", "credits"),
    ("slots", "slots", "seats", "rooms", "time slots", "bulks", "closures"),
)
"""The stories of each process that commands."""
LISTENERS = 4


def orders_of(made: Stage, cast: Cast, seed: int, stories: Sequence[Sequence[str]]) -> list[Orders]:
    """Processes that command, and one that listens."""
    began = time.time()
    acting = [
        Orders(
            name=f"acting-{number}",
            number=number,
            seed=seed,
            api_urls=made.api_urls[number:] + made.api_urls[:number],
            ws_urls=[],
            desk=cast.desk,
            people=cast.people[number * THREADS_MAX :][:THREADS_MAX],
            owners=[cast.owner],
            things=cast.things,
            stripe_url=made.stripe.url,
            history=str(made.histories / f"acting-{number}.jsonl"),
            began_wall=began,
            stories=list(own),
        )
        for number, own in enumerate(stories)
    ]
    listening = msgspec.structs.replace(
        acting[0],
        name="listening",
        ws_urls=made.stack.ws_urls,
        things=None,
        history=str(made.histories / "heard.jsonl"),
        stories=["listen"] * LISTENERS,
    )
    return [*acting, listening]
