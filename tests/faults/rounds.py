"""A calm round: clients book without a pause, and in the end every command was decided in order, and soon."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
from msgspec import Struct

from core.settings import from_environment
from core.store.migrate import upgrade
from ops.processes import LANES
from tests.support.clients.http_client import Client, admin, agent_booking
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

CLIENTS = 4
RIVALS = 4
"""Commands, sent one after the other, for one slot: the first must have it."""
PACE_S = 0.02
"""Between two commands of one client: a steady day, not a benchmark."""
ENDED_WITHIN_S = 15.0
"""The bound of the promise, from acceptance."""

SQL_BALANCE = """
WITH said (id) AS (SELECT unnest(%(ids)s::uuid[])),
     told AS (SELECT command_id, count(*) AS times FROM event WHERE is_final GROUP BY 1),
     asked AS (SELECT o.id, o.seq, o.http_status, o.decided_at, o.body->>'date' AS date, o.body->>'time' AS time,
                      o.decided_at - o.accepted_at AS took
               FROM outcome o WHERE o.type = 'place' AND o.seq > %(after)s),
     decided AS (SELECT http_status, row_number() OVER (PARTITION BY date, time ORDER BY decided_at, seq) AS place
                 FROM asked),
     ordered AS (SELECT decided_at, lag(decided_at) OVER (PARTITION BY date, time ORDER BY seq) AS before
                 FROM asked JOIN said USING (id))
SELECT (SELECT count(*) FROM said),
       (SELECT count(*) FROM said JOIN outcome USING (id)),
       (SELECT count(DISTINCT said.id) FROM said JOIN outcome USING (id)),
       (SELECT count(*) FROM said JOIN told ON told.command_id = said.id AND told.times = 1),
       (SELECT count(*) FROM said JOIN booking b ON b.command_id = said.id),
       (SELECT count(*) FROM said JOIN outcome o USING (id) WHERE o.status = 'succeeded'),
       (SELECT count(*) FROM claim a JOIN claim b
        ON a.id < b.id AND a.resource_id = b.resource_id AND a.during && b.during),
       (SELECT count(*) FROM decided WHERE (place = 1) <> (http_status = 201))
       + (SELECT count(*) FROM ordered WHERE decided_at < before),
       (SELECT coalesce(extract(epoch FROM max(took)), 0)::float8 FROM asked)
"""
"""Order is promised among commands that were acknowledged before the next was sent. One whose client
heard nothing may be committed after it, by a backend that outlives the API process that asked it."""
SQL_LAST = "SELECT greatest(coalesce((SELECT max(seq) FROM outcome), 0), coalesce((SELECT max(seq) FROM inbox), 0))"


class Balance(Struct, frozen=True):
    """One round's books. Commands count once their client has heard that they are accepted."""

    accepted: int
    outcomes: int
    with_outcome: int
    told_once: int
    """With exactly one final event."""
    bookings: int
    succeeded: int
    double_bookings: int
    out_of_order: int
    """Slots that went to a later command, or commands decided before one that came earlier."""
    longest_s: float
    """From acceptance to decision, of any command."""

    @property
    def problems(self) -> list[str]:
        checks = {
            "commands without exactly one outcome": self.accepted != self.outcomes
            or self.accepted != self.with_outcome,
            "commands without exactly one final event": self.accepted != self.told_once,
            "bookings that the outcomes do not explain": self.bookings != self.succeeded,
            "double bookings": self.double_bookings > 0,
            "an order that was not kept": self.out_of_order > 0,
            f"a command that took longer than {ENDED_WITHIN_S:g} s": self.longest_s > ENDED_WITHIN_S,
            "no commands at all": self.accepted == 0,
        }
        return [words for words, wrong in checks.items() if wrong]

    def __str__(self) -> str:
        counts = f"{self.accepted:>5} accepted = {self.outcomes:>5} outcomes = {self.told_once:>5} told once"
        ends = f"{self.bookings:>5} bookings, {self.double_bookings} double, {self.out_of_order} out of order"
        return f"{counts}, {ends}, longest {self.longest_s:5.2f} s"


@dataclass
class Traffic:
    """Clients that book until told to stop, and note what they were promised."""

    stack: Stack
    seed: int
    accepted: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(CLIENTS)
        with admin(self.stack.api_url) as client:
            credentials = client.headers["Authorization"]
        self._clients = [self._pool.submit(self._book, credentials, self.seed + n) for n in range(CLIENTS)]
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown()
        for client in self._clients:
            client.result()

    def until_accepted(self, more: int) -> None:
        wanted = len(self.accepted) + more
        wait_until(lambda: len(self.accepted) >= wanted, f"{more} more commands are accepted")

    def _book(self, credentials: str, seed: int) -> None:
        """Some slots alone, some with rivals, some waited for; refusals without an id were never accepted."""
        chance = random.Random(seed)  # noqa: S311 - a test's
        with Client(base_url=self.stack.api_url, timeout=35.0, headers={"Authorization": credentials}) as client:
            while not self._over.is_set():
                body = agent_booking()
                prefer = "wait=1" if chance.random() < 0.25 else "respond-async"
                for _ in range(RIVALS if chance.random() < 0.5 else 1):
                    self._send(client, body, prefer)
                    self._over.wait(PACE_S)

    def _send(self, client: Client, body: dict[str, object], prefer: str) -> None:
        try:
            answer = client.book(body, Prefer=prefer)
        except httpx.TransportError:
            return  # the API is being killed; what it had not said is no promise
        if answer.status_code in {201, 202, 409}:
            self.accepted.append(answer.headers["Holdfast-Command"])


def play(stack: Stack, seed: int, *, accepted: int = 80) -> Balance:
    """Traffic; then the balance of everything that was promised."""
    after = _last_command(stack)
    with Traffic(stack, seed) as traffic:
        traffic.until_accepted(accepted)
    wait_until(lambda: not waiting(stack), "every command is decided", 2 * ENDED_WITHIN_S)
    return balance(stack, traffic.accepted, after)


def waiting(stack: Stack) -> bool:
    """Whether somebody's command is not decided yet."""
    with stack.database() as connection:
        return connection.execute("SELECT FROM inbox WHERE type = 'place' LIMIT 1").fetchone() is not None


def lanes_of(stack: Stack) -> int:
    with stack.database() as connection:
        row = connection.execute("SELECT lanes FROM installation").fetchone()
    assert row is not None
    return int(str(row[0]))


def change_lanes(stack: Stack, lanes: int) -> None:
    """As a deployment changes LANES: workers end, and a migrate sets the number; others start them."""
    for name in LANES.instances():
        if stack.process(name).child.exit_code() is None:
            stack.process(name).kill()
    upgrade(from_environment({**stack.full_environment(), "HOLDFAST_LANES": str(lanes)}))


def balance(stack: Stack, ids: Sequence[str], after: int) -> Balance:
    with stack.database() as connection:
        row = connection.execute(SQL_BALANCE, {"ids": list(ids), "after": after}).fetchone()
    assert row is not None
    figures: dict[str, Any] = dict(zip(Balance.__struct_fields__, row, strict=True))
    return Balance(**figures)


def _last_command(stack: Stack) -> int:
    with stack.database() as connection:
        row = connection.execute(SQL_LAST).fetchone()
    assert row is not None
    return int(str(row[0]))
