"""The scenario of bulks: ten thousand rows at once beside the same rows one by one, and who else has to wait for it."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from msgspec import Struct

from core.store.connections.database import connect_lane
from tests.benchmarks.baselines.app import PER_COMMAND_FOR_PHONE
from tests.benchmarks.load import Booker, Load, LoadError, wrk
from tests.benchmarks.measurement import HOLDFAST
from tests.benchmarks.report import Bar, print_bars
from tests.benchmarks.scenarios.login import Timing, result
from tests.benchmarks.stack import Running, Say, running
from tests.benchmarks.tables.seed import FIRST_USER, PHONES, USERS, access_token, analyze
from tests.support.clients.bulks import PATH
from tests.support.repeating import repeating
from tests.support.wait import wait_until

ROWS = 10_000
SERVICES, DAYS = 125, 20
"""Together 2,500 partition keys."""
FIRST_DAY = date(2040, 1, 2)
BASELINE_CLIENTS = 16
TIMES_BASELINE = 12.0
OTHERS = 4
"""Clients that book one by one while bulks run."""
P99_MAX_MS = 250.0
LINES = Path(__file__).with_name("lines.lua")
TIMED = Path(__file__).with_name("timed.lua")
FINISHED_WITHIN_S = 120.0
ROUNDS, SECONDS = 3, 5


class Round(Struct, frozen=True):
    one_by_one_per_s: float
    accepted_s: float
    """From the request to its 202."""
    finished_s: float
    """From the request to the last outcome."""

    @property
    def per_s(self) -> float:
        return ROWS / self.finished_s


def rows(number: int) -> list[dict[str, Any]]:
    """The rows of a round: no two want the same time, and no two rounds the same day."""
    first = FIRST_DAY + timedelta(days=number * DAYS)
    return [
        {
            "phone": f"{PHONES}{FIRST_USER + n % USERS}",
            "service_name": f"Bench service {n % SERVICES}",
            "booking_date": (first + timedelta(days=n // SERVICES % DAYS)).isoformat(),
            "booking_time": f"{9 + n // (SERVICES * DAYS):02}:00",
            "notes": f"bench bulk {number}",
        }
        for n in range(ROWS)
    ]


class Bench:
    def __init__(self, parts: Running, folder: Path, say: Say) -> None:
        self._stack = parts.stack
        self._folder = folder
        self._say = say
        self._token = access_token(self._stack.api_url)
        self._numbers = iter(range(10_000))
        self.bulks = 0
        self._client = httpx.Client(
            base_url=self._stack.api_url, timeout=60.0, headers={"Authorization": f"Bearer {self._token}"}
        )

    def round(self, seconds: int) -> Round:
        return Round(self._one_by_one(seconds), *self.bulk())

    def _one_by_one(self, seconds: int) -> float:
        """Bookings a second: the same rows, one request each, through the per-command pipeline."""
        bodies = self._folder / "bodies.ndjson"
        bodies.write_text("\n".join(map(json.dumps, rows(next(self._numbers)))))
        url = self._stack.api_url + PER_COMMAND_FOR_PHONE
        load = ("-t1", f"-c{BASELINE_CLIENTS}", f"-d{seconds}s", "--timeout", "15s", "-s", str(LINES), url)
        ran = subprocess.run(
            [wrk(), *load, "--", self._token, str(bodies)], capture_output=True, text=True, check=False
        )
        if ran.returncode != 0 or "RESULT" not in ran.stdout:
            raise LoadError(f"wrk failed: {ran.stdout}{ran.stderr}")
        created, refused, duration_us = map(int, ran.stdout.split("RESULT", 1)[1].split()[:3])
        if refused:
            raise LoadError(f"{refused} of the rows sent one by one were refused")
        return created / duration_us * 1e6

    def bulk(self) -> tuple[float, float]:
        """(until its 202, until its last outcome) of one bulk, in seconds."""
        body = json.dumps(rows(next(self._numbers)))
        started = time.monotonic()
        answer = self._client.post(PATH, content=body, headers={"Content-Type": "application/json"})
        accepted_s = time.monotonic() - started
        self.bulks += 1
        counts = self._finished(answer.raise_for_status().json()["status_url"])
        finished_s = time.monotonic() - started
        if counts["succeeded"] != ROWS:
            raise LoadError(f"not every row of a bulk was booked: {counts}")
        return accepted_s, finished_s

    def _finished(self, url: str) -> dict[str, int]:
        body: dict[str, Any] = {}

        def finished() -> bool:
            body.update(self._client.get(url, params={"limit": 1}).raise_for_status().json())
            return bool(body["status"] == "finished")

        wait_until(finished, "the bulk is finished", FINISHED_WITHIN_S)
        return dict(body["counts"])

    def beside(self, seconds: int) -> tuple[Load, Load]:
        """Single bookings by others: alone, then while bulks run without pause."""
        booker = Booker(self._folder)
        url = self._stack.api_url + HOLDFAST.path

        def book() -> Load:
            return booker.run(url, token=self._token, note="bench others", clients=OTHERS, seconds=seconds)

        book()
        alone = book()
        with self._bulks_without_pause():
            return alone, book()

    def stall(self, seconds: int) -> tuple[Timing, Timing]:
        """What the health check of a busy API says about its event loops: alone, then while bulks come in."""
        alone = self._health(seconds)
        with self._bulks_without_pause():
            return alone, self._health(seconds)

    def _health(self, seconds: int) -> Timing:
        load = ("-t1", "-c2", f"-d{seconds}s", "-s", str(TIMED), f"{self._stack.api_url}/healthz")
        return result(subprocess.Popen([wrk(), *load, "--", "GET", ""], stdout=subprocess.PIPE, text=True))

    @contextmanager
    def _bulks_without_pause(self) -> Iterator[None]:
        done: list[float] = []
        with repeating(lambda: done.append(self.bulk()[1])):
            yield
        self._say(f"bulks beside others took {', '.join(f'{one:.1f}' for one in done)} s")


def run(say: Say) -> bool:
    """Measure, print the bars; True if all are met."""
    with running(say) as parts, tempfile.TemporaryDirectory() as folder:
        bench = Bench(parts, Path(folder), say)
        bench.bulk()
        analyze(parts.stack.database_url)
        measured = []
        for number in range(ROUNDS):
            measured.append(bench.round(SECONDS))
            say(_line(number, measured[-1]))
        alone, beside = bench.beside(SECONDS)
        say(f"others: p50 {alone.p50_ms:.1f} ms, p99 {alone.p99_ms:.1f} ms alone")
        say(f"others: p50 {beside.p50_ms:.1f} ms, p99 {beside.p99_ms:.1f} ms while bulks run")
        quiet, busy = bench.stall(SECONDS)
        say(f"health check: p99 {quiet.p99_ms:.1f} ms, max {quiet.max_ms:.1f} ms alone")
        say(f"health check: p99 {busy.p99_ms:.1f} ms, max {busy.max_ms:.1f} ms while bulks come in")
        return print_bars([*_bars(measured, beside), _books(bench, parts.stack.database_url)])


def _line(number: int, one: Round) -> str:
    return (
        f"round {number + 1}  one by one {one.one_by_one_per_s:,.0f}/s  bulk {one.per_s:,.0f}/s"
        f"  (202 after {one.accepted_s:.2f} s, last outcome after {one.finished_s:.2f} s)"
    )


def _bars(measured: Sequence[Round], beside: Load) -> list[Bar]:
    times = median(one.per_s for one in measured) / median(one.one_by_one_per_s for one in measured)
    return [
        Bar(
            f"{ROWS:,} rows over {SERVICES * DAYS:,} partition keys at least {TIMES_BASELINE:g} times one by one"
            f" by {BASELINE_CLIENTS} clients through a task per command",
            f"{times:.1f} times",
            times >= TIMES_BASELINE,
        ),
        Bar(
            f"p99 of single bookings by others under {P99_MAX_MS:g} ms while bulks run",
            f"{beside.p99_ms:.0f} ms",
            beside.p99_ms < P99_MAX_MS and not beside.refused,
        ),
    ]


SQL_BOOKED = """
SELECT count(DISTINCT o.id), count(DISTINCT b.id), count(c.id)
FROM bulk JOIN outcome o ON o.bulk_id = bulk.id AND o.status = 'succeeded'
LEFT JOIN booking b ON b.command_id = o.id LEFT JOIN claim c ON c.booking_id = b.id
"""


def _books(bench: Bench, database_url: str) -> Bar:
    with connect_lane(database_url, "holdfast bench") as connection:
        connection.execute("SET statement_timeout = 0; SET transaction_timeout = 0; SET enable_hashjoin = on")
        row = connection.execute(SQL_BOOKED).fetchone() or ()
    expected = bench.bulks * ROWS
    return Bar(
        "every row of every bulk in the table, once",
        " outcomes, ".join(f"{number:,}" for number in row[:2]) + f" bookings, {row[2]:,} claims",
        set(row) == {expected},
    )
