"""The show: bookings are made and changed, told to every endpoint, while workers and PostgreSQL are killed."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import quantiles
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import httpx
from msgspec import Struct

from ops.embedded.child import Program
from ops.embedded.environment import ROOT
from ops.ports import accepts, free_ports
from tests.support.clients import bulks
from tests.support.clients.callers import STAFF, access_for, bearer
from tests.support.processes.servers import PostgresServer, Server
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

SLOW, DEAD, TURNS = "slow", "dead", "turns"
EVENTS_OF_A_BOOKING = 2
"""It is made and completed."""
SERVICES = 20
WEBHOOKS = "/api/admin/webhooks/"
SQL_POSITION = "SELECT last_position FROM feed"
SQL_PLANNED = "SELECT count(*) FILTER (WHERE state <> 'waiting'), count(*) FROM delivery WHERE receiver = ANY (%s)"
SQL_DISABLED = "SELECT count(*) FROM webhook_endpoint WHERE disabled_at IS NOT NULL"

Say = Callable[[str], None]


class Plan(Struct, frozen=True):
    events: int
    endpoints: int
    tried_for_s: int
    timeout_s: int
    kills: int
    """Of delivery workers."""
    database_kills: int
    seed: int
    clients: int = 4
    patience_s: float = 600.0

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HOLDFAST_DELIVERY_RETRY_SECONDS": str(self.tried_for_s),
            "HOLDFAST_WEBHOOK_TIMEOUT_SECONDS": str(self.timeout_s),
            "HOLDFAST_MAILS": "0",
        }


class Told(Struct, frozen=True):
    """What there is to judge."""

    after: int
    """The feed's position before the first event."""
    endpoints: dict[str, int]
    """Their ids by name."""
    heard: dict[str, list[tuple[str, int]]]
    """By name: (delivery's id, status) of each request, in order."""
    feed: list[dict[str, Any]]
    """What the HTTP feed told of endpoints."""
    calm_ms: Sequence[float]
    """Of bookings before there was an endpoint."""
    beside_ms: Sequence[float]
    """Of bookings while all was told, without those that a kill of PostgreSQL met."""
    wanted: int
    """Events that were to be made."""
    missed_kills: int
    """Of the plan: those that could not be carried out to their end."""

    @property
    def live(self) -> list[str]:
        return [name for name in self.endpoints if name not in {SLOW, DEAD}]


class Sink(Server):
    """A process of somebody's that takes webhooks."""

    def __init__(self, folder: Path, name: str, slow_s: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_ports(1)[0]
        argv = (sys.executable, "-m", "tests.deliveries.receiver", str(self.port), str(slow_s))
        program = Program(name=name, argv=argv, environment={}, directory=ROOT, log=folder / f"{name}.log")
        super().__init__(program, lambda: accepts(self.port, "127.0.0.1"))

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/{name}"

    def heard(self, name: str) -> list[tuple[str, int]]:
        answer = httpx.get(f"http://127.0.0.1:{self.port}/heard/{name}", timeout=60.0).raise_for_status()
        return [(id_, status) for id_, status in answer.json()]


class Desk:
    """Clients that book and change, each event an answer. What is refused for a moment is sent again."""

    def __init__(self, stack: Stack, plan: Plan) -> None:
        self._stack = stack
        self._headers = bearer(access_for(stack, STAFF))
        self._rows = iter(bulks.rows_for(bulks.new_services(stack, SERVICES), plan.events + 400))
        self.took_ms: list[float] = []
        self.is_calm = Event()
        self.is_calm.set()
        self.events = 0

    def book(self, bookings: int, clients: int) -> None:
        rows = [next(self._rows) for _ in range(bookings)]
        threads = [Thread(target=self._book, args=(rows[number::clients],)) for number in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _book(self, rows: Sequence[dict[str, Any]]) -> None:
        with httpx.Client(base_url=self._stack.api_url, headers=self._headers, timeout=30.0) as client:
            for row in rows:
                body = {**row, "first_name": "Ada", "last_name": "Byron"}
                made = self._sent(client, "POST", "/api/agent/booking/create/", body, measured=True)
                path = f"/api/admin/bookings/{made['booking_id']}/update/"
                self._sent(client, "PUT", path, {"status": "completed"})

    def _sent(
        self, client: httpx.Client, method: str, path: str, body: dict[str, Any], *, measured: bool = False
    ) -> dict[str, Any]:
        """Until it is done; the same key makes a repetition the same command."""
        headers, tried = {"Idempotency-Key": str(uuid4())}, 0
        while True:
            tried += 1
            was_calm, began = self.is_calm.is_set(), time.monotonic()
            with suppress(httpx.HTTPError):
                answer = client.request(method, path, json=body, headers=headers)
                if answer.is_success and answer.status_code != httpx.codes.ACCEPTED:
                    if measured and was_calm and self.is_calm.is_set():
                        self.took_ms.append((time.monotonic() - began) * 1000)
                    self.events += 1
                    return dict(answer.json())
                if tried > 1 and method == "PUT" and answer.status_code in {400, 409}:
                    return {}  # the try before was carried out, and its answer was lost
                assert answer.status_code in {202, 409, 429, 503}, f"{answer.status_code} {answer.text}"
            time.sleep(0.2)


def play(stack: Stack, postgres: PostgresServer, folder: Path, plan: Plan, say: Say) -> Told:
    """Book, tell and kill, until all is told that will be."""
    desk = Desk(stack, plan)
    desk.book(max(20, plan.events // 50), plan.clients)
    calm_ms, desk.took_ms, desk.events = desk.took_ms, [], 0
    sinks = {"": Sink(folder, "receiver", plan.timeout_s + 3.0), DEAD: Sink(folder, "frozen", 0.0)}
    try:
        for sink in sinks.values():
            sink.start()
        sinks[DEAD].freeze()  # it takes connections and answers nothing: dead
        with httpx.Client(base_url=stack.api_url, headers=bearer(access_for(stack, STAFF)), timeout=60.0) as staff:
            wait_until(lambda: not _unnumbered(stack), "what was booked before is numbered")
            after, start = _position(stack), staff.get("/api/events/").raise_for_status().json()["next"]
            endpoints = {name: _made(staff, sinks.get(name, sinks[""]).url(name)) for name in _names(plan)}
            bookings = -(-plan.events // EVENTS_OF_A_BOOKING)
            with _progress(desk, plan, say), _booking(desk, bookings, plan.clients) as ended:
                kills = _kill(stack, postgres, plan, desk, say, ended)
            say(f"{desk.events:,} events are made")
            _wait(stack, endpoints, plan, say)
            wait_until(lambda: not _unnumbered(stack), "that endpoints are disabled is numbered, so the feed tells it")
            feed = _told_by_feed(staff, start)
        heard = {name: sinks[""].heard(name) for name in endpoints if name != DEAD}
    finally:
        for sink in sinks.values():
            sink.close()
    missed = plan.kills + plan.database_kills - kills
    return Told(after, endpoints, heard, feed, calm_ms, desk.took_ms, bookings * EVENTS_OF_A_BOOKING, missed)


def p99_ms(took_ms: Sequence[float]) -> float:
    return quantiles(took_ms, n=100)[-1] if len(took_ms) > 1 else 0.0


def _names(plan: Plan) -> list[str]:
    return [*(f"live-{number}" for number in range(1, plan.endpoints - 2)), SLOW, DEAD, TURNS]


def _made(staff: httpx.Client, url: str) -> int:
    types = ["booking_created", "booking_updated"]
    answer = staff.post(WEBHOOKS, json={"url": url, "event_types": types}).raise_for_status()
    return int(answer.json()["data"]["id"])


def _position(stack: Stack) -> int:
    with stack.database() as connection:
        row = connection.execute(SQL_POSITION).fetchone()
    return int(str(row[0])) if row else 0


def _unnumbered(stack: Stack) -> bool:
    with stack.database() as connection:
        row = connection.execute("SELECT EXISTS (SELECT FROM event_batch WHERE first_position IS NULL)").fetchone()
    return bool(row and row[0])


def _kill(stack: Stack, postgres: PostgresServer, plan: Plan, desk: Desk, say: Say, ended: Event) -> int:
    """At moments of the seed's choice, spread over the events. How many were killed, and are back.

    A part ends with the thread that started it, so this thread must be the one that stays.
    """
    chance = random.Random(plan.seed)  # noqa: S311 - a game that can be played again
    faults = ["worker"] * plan.kills + ["postgres"] * plan.database_kills
    chance.shuffle(faults)
    moments = sorted(chance.uniform(0.1, 0.9) for _ in faults)
    for done, (moment, fault) in enumerate(zip(moments, faults, strict=True)):
        while desk.events < moment * plan.events:
            if ended.wait(0.05):
                return done
        if fault == "worker":
            _kill_worker(stack, chance, say)
        else:
            _kill_postgres(stack, postgres, desk, chance, say)
    return len(faults)


def _kill_worker(stack: Stack, chance: random.Random, say: Say) -> None:
    name = f"deliveries-{chance.randint(1, 2)}"
    stack.process(name).kill()
    say(f"{name} is killed")
    time.sleep(chance.uniform(0.2, 2.0))
    stack.process(name).start(wait=False)


def _kill_postgres(stack: Stack, postgres: PostgresServer, desk: Desk, chance: random.Random, say: Say) -> None:
    desk.is_calm.clear()
    postgres.kill()
    say("PostgreSQL is killed")
    time.sleep(chance.uniform(0.2, 1.0))
    postgres.start()
    wait_until(lambda: not (stack.readyz() or {"down": ["api"]})["down"], "the stack is ready again", 120.0)
    desk.is_calm.set()


@contextmanager
def _booking(desk: Desk, bookings: int, clients: int) -> Iterator[Event]:
    """Beside what is done meanwhile; the event says that all are made."""
    ended = Event()

    def book() -> None:
        try:
            desk.book(bookings, clients)
        finally:
            ended.set()

    thread = Thread(target=book)
    thread.start()
    try:
        yield ended
    finally:
        thread.join()


@contextmanager
def _progress(desk: Desk, plan: Plan, say: Say) -> Iterator[None]:
    ended = Event()

    def tell() -> None:
        while not ended.wait(5.0):
            say(f"{desk.events:,} of {plan.events:,} events")

    thread = Thread(target=tell)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _wait(stack: Stack, endpoints: dict[str, int], plan: Plan, say: Say) -> None:
    """Until nothing waits, and those that fail are disabled."""
    receivers, said = [str(id_) for id_ in endpoints.values()], time.monotonic()

    def is_over() -> bool:
        nonlocal said
        with stack.database() as connection:
            done, planned = connection.execute(SQL_PLANNED, (receivers,)).fetchone() or (0, 0)
            (disabled,) = connection.execute(SQL_DISABLED).fetchone() or (0,)
            behind = connection.execute("SELECT c.position < f.last_position FROM delivery_cursor c, feed f").fetchone()
        if time.monotonic() - said > 5.0:
            said = time.monotonic()
            say(f"{done:,} of {planned:,} deliveries are done, {disabled} endpoints are disabled")
        return done == planned and disabled == 2 and not (behind and behind[0])

    wait_until(is_over, "nothing waits, and the slow and the dead endpoint are disabled", plan.patience_s)


def _told_by_feed(staff: httpx.Client, start: str) -> list[dict[str, Any]]:
    """Of endpoints, by HTTP."""
    found: list[dict[str, Any]] = []
    after = start
    while True:
        page = staff.get("/api/events/", params={"after": after, "limit": 100}).raise_for_status().json()
        found += [one for one in page["events"] if one["type"] == "webhook_disabled"]
        if page["next"] == after or not page["events"]:
            return found
        after = page["next"]
