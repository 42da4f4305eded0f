"""The scenario `outgoing`: what leaves the house costs a booking, in processor time of API, lanes and PostgreSQL.

Two whole stacks side by side are booked on in turn, a few seconds each. One sends nothing; of the other every booking is
told to a webhook, mailed to its client (kept, as in the demo), and read by one who follows the feed by HTTP. A round
ends when all of that is done, so all that it costs is in it. PostgreSQL's time counts whole, that of the delivery workers'
sessions included, but for what the benchmark itself asks; a second table tells whose sessions it was.
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from threading import Event, Thread

import httpx
import psycopg
from msgspec import Struct

from ops.processes import DELIVERIES
from tests.benchmarks.cpu import LOAD_GENERATOR, Meter, per_booking_us, seconds_of
from tests.benchmarks.load import Booker
from tests.benchmarks.measurement import HOLDFAST, Bench
from tests.benchmarks.report import Bar, print_bars, write_result
from tests.benchmarks.stack import Running, Say, running
from tests.benchmarks.tables.seed import access_token, analyze
from tests.support.wait import wait_until
from tests.support.webhooks import WebhookReceiver

SILENT, TELLING = "silent", "telling"
SETTINGS: Mapping[str, Mapping[str, str]] = {
    SILENT: {"HOLDFAST_MAILS": "0"},
    TELLING: {"HOLDFAST_MAILS": "1", "HOLDFAST_MAILS_PER_ADDRESS": "10000", "HOLDFAST_MAILS_PER_CALLER": "10000000"},
}
ROUNDS, WARM_UP_S, SECONDS, CLIENTS = 10, 1, 4, 64
COSTS_MAX = 1.05
DONE_WITHIN_S = 60.0
COUNTED = ("api", "lanes", "postgres")
OURS = "holdfast bench"
"""The benchmark's own session, which looks again and again whether all is told."""
SESSIONS_SHOWN = 10

SQL_ADDRESSES = "UPDATE user_account SET email = username || '@example.com', email_key = username || '@example.com' WHERE email IS NULL"
SQL_LEFT = """
SELECT (SELECT count(*) FROM delivery WHERE state = 'waiting')
     + (SELECT coalesce(sum(f.last_position - c.position), 0) FROM delivery_cursor c, feed f)
"""
SQL_SENT = "SELECT sender, count(*) FROM delivery WHERE state = 'sent' GROUP BY sender"
SQL_SESSIONS = "SELECT pid, coalesce(nullif(application_name, ''), backend_type) FROM pg_stat_activity"
SQL_DELAYS = """
SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM done_at - (data ->> 'at')::timestamptz))
FROM delivery WHERE sender = 'webhooks' AND state = 'sent'
"""


class Round(Struct, frozen=True):
    bookings: int
    per_s: float
    cost_us: dict[str, float]
    """Processor time of a booking, by process."""
    sessions_us: dict[str, float]
    """PostgreSQL's, by whose session it was. What ended meanwhile is left out."""
    left: int
    """Deliveries and events that were still to be seen to when the bookings ended."""
    done_s: float
    """How long the delivery worker took for them after that."""
    sent: int

    @property
    def counted_us(self) -> float:
        return sum(self.cost_us[name] for name in COUNTED)

    @property
    def sent_per_s(self) -> float:
        """While bookings came and until the last one was told."""
        return self.sent / (SECONDS + self.done_s)


def run(say: Say) -> bool:
    with ExitStack() as ending:
        sides = {
            name: Side(ending.enter_context(running(say, one, more=(DELIVERIES,)))) for name, one in SETTINGS.items()
        }
        ending.enter_context(_told(sides[TELLING].parts))
        for side in sides.values():
            side.warm_up()
        found: dict[str, list[Round]] = {name: [] for name in sides}
        for number in range(ROUNDS):
            for name in list(sides)[:: 1 if number % 2 else -1]:
                found[name].append(one := sides[name].round())
                say(f"round {number + 1}  {name:<8} {one.counted_us:>6,.0f} us, {one.per_s:,.0f} bookings/s, "
                    f"{one.left:,} to be told at the end, {one.done_s:.1f} s later none")  # fmt: skip
        p50_s, p99_s = sides[TELLING].delays()
    ratio = median(on.counted_us / off.counted_us for on, off in zip(found[TELLING], found[SILENT], strict=True))
    print(_table(found))
    print(f"delay from the event to the webhook's arrival: p50 {p50_s * 1000:,.0f} ms, p99 {p99_s * 1000:,.0f} ms")
    left = median(one.left / max(1, one.sent) for one in found[TELLING])
    met = [
        Bar(f"a booking that is told costs at most {COSTS_MAX:g} times", f"{ratio:.3f}", ratio <= COSTS_MAX),
        Bar("deliveries keep up: less than a tenth is left when bookings end", f"{left:.0%}", left < 0.1),
    ]
    write_result("outgoing", {"rounds": found, "bars": met})
    return print_bars(met)


class Side:
    """One of the stacks."""

    def __init__(self, parts: Running) -> None:
        self.parts = parts
        self._folder = tempfile.TemporaryDirectory()
        self._bench = Bench(parts, Path(self._folder.name))
        self._booker = Booker(Path(self._folder.name))
        self._meter = Meter(parts.pids)
        self._database = psycopg.connect(parts.stack.database_url, autocommit=True, application_name=OURS)
        self._database.execute(SQL_ADDRESSES)

    def warm_up(self) -> None:
        self._book(2)
        analyze(self.parts.stack.database_url)

    def round(self) -> Round:
        self._book(WARM_UP_S)
        sent, sessions, before = self._sent(), self._sessions_s(), self._meter.read()
        created, per_s, left, done_s = self._book(SECONDS)
        cost_us = per_booking_us(before, self._meter.read(), created)
        cost_us.pop(LOAD_GENERATOR)
        sessions_us = per_booking_us(sessions, self._sessions_s(), created)
        cost_us["postgres"] -= sessions_us.pop(OURS)
        return Round(created, per_s, cost_us, sessions_us, left, done_s, self._sent() - sent)

    def delays(self) -> tuple[float, float]:
        """p50 and p99, in seconds."""
        (found,) = self._database.execute(SQL_DELAYS).fetchone() or ([0.0, 0.0],)
        return (float(found[0]), float(found[1])) if found else (0.0, 0.0)

    def _book(self, seconds: int) -> tuple[int, float, int, float]:
        """Bookings, how many a second, what was left to be told, and for how long."""
        url = self.parts.stack.api_url
        token, note = access_token(url), HOLDFAST.note
        load = self._booker.run(url + HOLDFAST.path, token=token, note=note, clients=CLIENTS, seconds=seconds)
        left, ended = self._left(), time.monotonic()
        wait_until(lambda: self._left() == 0, "all is told", DONE_WITHIN_S)
        done_s = time.monotonic() - ended
        self._bench.settle()
        return load.created, load.per_s, left, done_s

    def _left(self) -> int:
        row = self._database.execute(SQL_LEFT).fetchone()
        return int(row[0]) if row else 0

    def _sent(self) -> int:
        return sum(int(count) for _, count in self._database.execute(SQL_SENT).fetchall())

    def _sessions_s(self) -> dict[str, float]:
        """Seconds by whose session it is."""
        pids: defaultdict[str, list[int]] = defaultdict(list)
        for pid, name in self._database.execute(SQL_SESSIONS).fetchall():
            pids[name].append(pid)
        return {name: seconds_of(own) for name, own in pids.items()}


@contextmanager
def _told(parts: Running) -> Iterator[None]:
    """A webhook, and somebody who follows the feed by HTTP."""
    with tempfile.TemporaryDirectory() as folder, httpx.Client(base_url=parts.stack.api_url, timeout=60.0) as client:
        receiver = WebhookReceiver(Path(folder))
        receiver.start()
        client.headers["Authorization"] = f"Bearer {access_token(parts.stack.api_url)}"
        client.post("/api/admin/webhooks/", json={"url": receiver.url("bench")}).raise_for_status()
        ended = Event()
        reading = Thread(target=_follow, args=(client, ended), daemon=True)
        reading.start()
        try:
            yield
        finally:
            ended.set()
            reading.join(timeout=60.0)
            receiver.close()


def _follow(client: httpx.Client, ended: Event) -> None:
    after = client.get("/api/events/").raise_for_status().json()["next"]
    while not ended.is_set():
        answer = client.get("/api/events/", params={"after": after, "limit": 100}, headers={"Prefer": "wait=1"})
        if answer.status_code == httpx.codes.OK:
            after = answer.json()["next"]
        elif answer.status_code == httpx.codes.GONE:
            after = answer.json()["position"]
        else:
            time.sleep(0.2)


def _table(found: Mapping[str, list[Round]]) -> str:
    names = list(found[SILENT][0].cost_us)
    lines = [f"\nProcessor time of a booking in us, medians of {ROUNDS} rounds in turn, {CLIENTS} clients"]
    lines += [" " * 10 + "".join(f"{name:>{max(9, len(name) + 2)}}" for name in [*names, "counted"])]
    for side, rounds in found.items():
        costs = [
            *(median(one.cost_us[name] for one in rounds) for name in names),
            median(one.counted_us for one in rounds),
        ]
        cells = (f"{us:>{max(9, len(name) + 2)},.0f}" for us, name in zip(costs, [*names, "counted"], strict=True))
        lines.append(f"{side:<10}" + "".join(cells))
    sent = median(one.sent_per_s for one in found[TELLING])
    lines.append(f"deliveries: {sent:,.0f} a second")
    return "\n".join([*lines, *_sessions(found)])


def _sessions(found: Mapping[str, list[Round]]) -> list[str]:
    """PostgreSQL's time by session, those first that cost most more."""
    costs = {side: {name: _median_of(rounds, name) for name in _names(rounds)} for side, rounds in found.items()}
    silent, telling = costs[SILENT], costs[TELLING]
    names = sorted(telling, key=lambda name: silent.get(name, 0.0) - telling[name])[:SESSIONS_SHOWN]
    head = f"\n{'PostgreSQL by session':<36}{SILENT:>9}{TELLING:>9}"
    return [head, *(f"{name:<36}{silent.get(name, 0.0):>9,.0f}{telling[name]:>9,.0f}" for name in names)]


def _names(rounds: list[Round]) -> set[str]:
    return {name for one in rounds for name in one.sessions_us}


def _median_of(rounds: list[Round], name: str) -> float:
    return median(one.sessions_us.get(name, 0.0) for one in rounds)
