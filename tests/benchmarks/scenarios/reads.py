"""The scenario `reads`: every public read as a share of the no-op route, while bookings change what is read.

Half of the requests of a read are one, the other half go over 1,000 resource-days. The same bookings run beside the
no-op route.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from tests.benchmarks.cpu import Meter, per_booking_us
from tests.benchmarks.load import Booker, LoadError, wrk
from tests.benchmarks.measurement import HOLDFAST, turned
from tests.benchmarks.report import Bar, print_bars, write_result
from tests.benchmarks.series import Series
from tests.benchmarks.stack import Running, Say, running
from tests.benchmarks.tables.public_reads import DAYS, EACH, FIRST_DAY, FIRST_ID, fill
from tests.benchmarks.tables.seed import SERVICES, access_token, analyze
from tests.support.clients.callers import USER, access_for

SCRIPT = Path(__file__).with_name("reads.lua")
ROUNDS, SECONDS, CLIENTS = 5, 2, 64
BOOKING_CLIENTS = 1
SHARE_LEAST = 0.5
P99_AT_MOST_TIMES_P50 = 3.0
NO_OP = "no-op route"


class Asked(Struct, frozen=True):
    path: str
    body: Mapping[str, Any] | None = None

    @property
    def line(self) -> str:
        return f"GET\t{self.path}\t" if self.body is None else f"POST\t{self.path}\t{json.dumps(self.body)}"


class Seen(Struct, frozen=True):
    """One measured interval."""

    per_s: float
    p50_ms: float
    p99_ms: float
    bookings_per_s: float
    cpu_us: dict[str, float]
    """For each request, by process. Bookings are in it: theirs is the same beside the no-op route."""


class Figure(Struct, frozen=True):
    """Medians of the rounds."""

    read: str
    per_s: float
    share: float
    """Of the no-op route of the same round."""
    p50_ms: float
    p99_ms: float
    api_us: float
    postgres_us: float


def reads() -> dict[str, list[Asked]]:
    """By read: one request, then those that go over the resource-days."""
    days = [(date.fromisoformat(FIRST_DAY) + timedelta(days=n)).isoformat() for n in range(DAYS)]
    service_days = [(f"Bench service {n}", day) for day in days[:5] for n in range(SERVICES)]
    each_day = [(n, day) for day in days for n in range(EACH)]
    months = [(f"Bench service {n}", month) for month in range(1, 6) for n in range(SERVICES)]
    slots, month = "/api/booking/smart-available-slots/", "/api/booking/calendar/"
    reserved, check = "/api/reservations/reserved_slots/", "/api/v1/drf/bookings/check-availability/"
    spread = {
        "slots of a day": [Asked(f"{slots}?date={day}&service={quote(name)}") for name, day in service_days],
        "month": [Asked(f"{month}?year=2030&month={n}&service={quote(name)}") for name, n in months],
        "room's slots": [Asked(f"/api/rooms/{FIRST_ID + n}/availability/?date={day}") for n, day in each_day],
        "reserved slots": [Asked(f"{reserved}?date={day}&service={quote(name)}") for name, day in service_days],
        "time slots": [Asked(f"/api/timeslots/?date={day}&categories=Bench%20category%20{n}") for n, day in each_day],
        "check-availability": [
            Asked(check, {"practitioner_id": FIRST_ID + n, "service_id": FIRST_ID, "date": day}) for n, day in each_day
        ],
    }
    single = {"rooms": "/api/rooms/", "services": "/api/services/", "settings": "/api/booking/settings/"}
    return {NO_OP: [Asked("/healthz")], **spread, **{name: [Asked(path)] for name, path in single.items()}}


def run(say: Say) -> bool:
    """Measures and prints; True if every read is within its bars."""
    seen: dict[str, list[Seen]] = {name: [] for name in reads()}
    with running(say) as parts, tempfile.TemporaryDirectory() as folder:
        fill(parts.stack.database_url)
        analyze(parts.stack.database_url)
        load = _Load(parts, Path(folder))
        for name in seen:
            load.measure(name, 1)
        for number in range(ROUNDS):
            for name in turned(list(seen), number):
                seen[name].append(load.measure(name, SECONDS))
            say(f"round {number + 1}  " + "  ".join(f"{name} {found[-1].per_s:,.0f}" for name, found in seen.items()))
    figures = [_figure(name, found, seen[NO_OP]) for name, found in seen.items()]
    beside = median(one.bookings_per_s for found in seen.values() for one in found)
    print(_table(figures, beside))
    bars = [bar for figure in figures if figure.read != NO_OP for bar in _bars(figure)]
    met = print_bars(bars)
    say(f"written to {write_result('reads', {'figures': figures, 'bars': bars, 'series': list(_series(seen))})}")
    return met


class _Load:
    """wrk that reads, and another that books beside it."""

    def __init__(self, parts: Running, folder: Path) -> None:
        self._url = parts.stack.api_url
        self._meter = Meter(parts.pids)
        self._booker = Booker(folder)
        self._tokens = {"reader": access_for(parts.stack, USER), "booker": access_token(self._url)}
        self._files = {name: folder / name.replace(" ", "-") for name in reads()}
        for name, asked in reads().items():
            lines = [asked[0].line if number % 2 else one.line for one in asked for number in (0, 1)]
            self._files[name].write_text("\n".join(lines) + "\n")

    def measure(self, name: str, seconds: int) -> Seen:
        booked: list[float] = []
        booking = Thread(target=lambda: booked.append(self._book(seconds)))
        before = self._meter.read()
        booking.start()
        answered, refused, duration_us, p50_us, p99_us, *words = self._read(name, seconds)
        booking.join()
        if refused:
            raise LoadError(f"{name}: {refused} answers were not 200: {' '.join(map(str, words))}")
        cpu_us = per_booking_us(before, self._meter.read(), answered)
        return Seen(answered / duration_us * 1e6, p50_us / 1e3, p99_us / 1e3, booked[0], cpu_us)

    def _book(self, seconds: int) -> float:
        url, token = self._url + HOLDFAST.path, self._tokens["booker"]
        return self._booker.run(url, token=token, note=HOLDFAST.note, clients=BOOKING_CLIENTS, seconds=seconds).per_s

    def _read(self, name: str, seconds: int) -> list[Any]:
        load = [wrk(), "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "--timeout", "15s", "-s", str(SCRIPT), self._url]
        script = ["--", str(self._files[name]), self._tokens["reader"]]
        ran = subprocess.run([*load, *script], capture_output=True, text=True, check=False)
        lines = {line.split(" ", 1)[0]: line.split(" ", 1)[-1] for line in ran.stdout.splitlines()}
        if ran.returncode != 0 or "RESULT" not in lines:
            raise LoadError(f"wrk failed: {ran.stdout}{ran.stderr}")
        return [*map(int, lines["RESULT"].split()), lines.get("REFUSAL", "")]


def _series(seen: Mapping[str, Sequence[Seen]]) -> Iterator[Series]:
    for name, found in seen.items():
        yield Series(f"{name}, of the no-op route", "", "higher", _shares(found, seen[NO_OP]))
        yield Series(f"{name}, p50", "ms", "lower", [one.p50_ms for one in found])
        yield Series(f"{name}, p99", "ms", "lower", [one.p99_ms for one in found])
        yield Series(f"{name}, api", "us", "lower", [one.cpu_us["api"] for one in found])


def _shares(found: Sequence[Seen], no_op: Sequence[Seen]) -> list[float]:
    return [one.per_s / base.per_s for one, base in zip(found, no_op, strict=True)]


def _figure(name: str, found: Sequence[Seen], no_op: Sequence[Seen]) -> Figure:
    return Figure(
        read=name,
        per_s=median(one.per_s for one in found),
        share=median(_shares(found, no_op)),
        p50_ms=median(one.p50_ms for one in found),
        p99_ms=median(one.p99_ms for one in found),
        api_us=median(one.cpu_us["api"] for one in found),
        postgres_us=median(one.cpu_us["postgres"] for one in found),
    )


def _table(figures: Sequence[Figure], bookings_per_s: float) -> str:
    width = max(len(one.read) for one in figures)
    lines = [
        f"\nMedians of {ROUNDS} rounds, {CLIENTS} clients, {bookings_per_s:,.0f} bookings a second beside them",
        f"{'':{width}}{'per s':>9}{'of no-op':>10}{'p50 ms':>9}{'p99 ms':>9}{'api us':>9}{'postgres us':>13}",
    ]
    for one in figures:
        row = f"{one.per_s:>9,.0f}{one.share:>10.0%}{one.p50_ms:>9.1f}{one.p99_ms:>9.1f}"
        lines.append(f"{one.read:<{width}}{row}{one.api_us:>9,.0f}{one.postgres_us:>13,.0f}")
    return "\n".join(lines)


def _bars(figure: Figure) -> list[Bar]:
    times = figure.p99_ms / figure.p50_ms
    return [
        Bar(
            f"{figure.read}: at least {SHARE_LEAST:.0%} of the no-op route",
            f"{figure.share:.0%}",
            figure.share >= SHARE_LEAST,
        ),
        Bar(
            f"{figure.read}: p99 at most {P99_AT_MOST_TIMES_P50:g} times p50",
            f"{times:.1f} times",
            times <= P99_AT_MOST_TIMES_P50,
        ),
    ]
