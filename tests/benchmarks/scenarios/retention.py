"""A large deletion beside bookings: how 1,000,000 expired rows slow down bookings while they are deleted.

The tables are filled with old keys and events first. The sweep's own code deletes them, on and off: each round
measures bookings while it rests, and while it works.
"""

from __future__ import annotations

import tempfile
import threading
from functools import partial
from pathlib import Path
from statistics import median

import psycopg
from msgspec import Struct

from core.engine.retention import SweepResult, tidy
from core.store.connections.database import connect_tidy
from core.store.maintenance.retention import SQL_ALONE
from tests.benchmarks.load import Booker, Load
from tests.benchmarks.measurement import HOLDFAST
from tests.benchmarks.report import Bar, print_bars
from tests.benchmarks.stack import Say, running
from tests.benchmarks.tables.seed import access_token, analyze
from tests.support.wait import wait_until

KEYS = EVENTS = 500_000
CLIENTS = 4
ROUNDS, SECONDS = 7, 4
RATIO_MAX = 1.2

SQL_KEYS = """
INSERT INTO idempotency_key (scope, key, body_hash, command_id, created_at)
SELECT 'user:' || n %% 1000, 'old-' || n, sha256(n::text::bytea), gen_random_uuid(), now() - interval '3 days' + n * interval '1 ms'
FROM generate_series(1, %s) AS n
"""
SQL_EVENTS = """
WITH b AS (
    INSERT INTO event_batch (events, first_position, created_at)
    SELECT 1, %(last)s + n, now() - interval '9 days' + n * interval '1 ms' FROM generate_series(1, %(events)s) AS n RETURNING id, first_position
)
INSERT INTO event (batch_id, n, type, version, command_id, is_final, owner, actor, contract, request_id)
SELECT id, 0, 'booking_created', 1, gen_random_uuid(), true, 'user:1', 'user:1', 'agent', 'bench-' || id FROM b
"""
SQL_FEED = "UPDATE feed SET last_position = last_position + %s RETURNING last_position - %s"


class Result(Struct, frozen=True):
    alone: list[Load]
    beside: list[Load]
    rows_per_s: float
    """Deleted while it was at work."""
    gone: dict[str, int]

    @property
    def ratio(self) -> float:
        return _p99(self.beside) / _p99(self.alone)


class Sweep:
    """The sweep in a thread, which can be told to rest. It has the sweeps' lock from the beginning: the stack's own
    leave it alone.
    """

    def __init__(self, database_url: str) -> None:
        self._connection = connect_tidy(database_url)
        wait_until(lambda: self._connection.execute(SQL_ALONE).fetchone() == (True,), "no other sweep is at work")
        self._at_work, self._ended = threading.Event(), threading.Event()
        self._gone: list[SweepResult | None] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def work(self) -> None:
        self._at_work.set()

    def pause(self) -> None:
        self._at_work.clear()

    def end(self) -> SweepResult:
        self._ended.set()
        self._at_work.set()
        self._thread.join()
        (gone,) = self._gone
        assert gone is not None, "it had the lock"
        return gone

    def _run(self) -> None:
        self._at_work.wait()
        self._gone.append(tidy(lambda: self._connection, self._rest))

    def _rest(self, pause_s: float) -> bool:
        self._ended.wait(pause_s)
        self._at_work.wait()
        return not self._ended.is_set()


def run(say: Say) -> bool:
    with running(say) as parts, tempfile.TemporaryDirectory() as folder:
        url = parts.stack.database_url
        say(f"laying down {KEYS:,} keys and {EVENTS:,} events that are too old")
        sweep = Sweep(url)
        _lay_down(url)
        result = _measure(say, parts.stack.api_url, url, Path(folder), sweep)
    _print(result)
    return print_bars(
        [Bar(f"p99 of bookings beside it at most {RATIO_MAX} times", f"{result.ratio:.2f}", result.ratio <= RATIO_MAX)]
    )


def _lay_down(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SQL_KEYS, (KEYS,))
        with connection.transaction():  # as if the relay had numbered them
            row = connection.execute(SQL_FEED, (EVENTS, EVENTS)).fetchone()
            assert row is not None
            connection.execute(SQL_EVENTS, {"last": row[0], "events": EVENTS})
    analyze(url)


def _measure(say: Say, api_url: str, url: str, folder: Path, sweep: Sweep) -> Result:
    booker, token = Booker(folder), access_token(api_url)
    book = partial(booker.run, api_url + HOLDFAST.path, token=token, note="bench retention", clients=CLIENTS)
    book(seconds=SECONDS)
    alone, beside = [], []
    before = _left(url)
    for number in range(ROUNDS):
        alone.append(book(seconds=SECONDS))
        sweep.work()
        beside.append(book(seconds=SECONDS))
        sweep.pause()
        say(f"round {number + 1}: p99 {alone[-1].p99_ms:.1f} ms alone, {beside[-1].p99_ms:.1f} ms beside it")
    deleted = before - _left(url)
    gone = sweep.end()
    return Result(alone, beside, deleted / sum(load.duration_s for load in beside), gone.rows)


def _left(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM idempotency_key WHERE key LIKE 'old-%')"
            " + (SELECT count(*) FROM event WHERE request_id LIKE 'bench-%')"
        ).fetchone()
    assert row is not None
    return int(row[0])


def _p99(loads: list[Load]) -> float:
    return median(load.p99_ms for load in loads)


def _print(result: Result) -> None:
    for name, loads in (("alone", result.alone), ("beside it", result.beside)):
        per_s, p50 = median(load.per_s for load in loads), median(load.p50_ms for load in loads)
        print(f"{name:>10}  {per_s:>7,.0f} bookings/s   p50 {p50:>6.1f} ms   p99 {_p99(loads):>6.1f} ms")
    print(f"deleted meanwhile: {result.rows_per_s:,.0f} rows/s; {result.gone}")
