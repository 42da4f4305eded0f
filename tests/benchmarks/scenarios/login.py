"""What 16 clients that log in without pause do to everybody else."""

from __future__ import annotations

import shutil
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from tests.benchmarks.load import MISSING, LoadError
from tests.benchmarks.stack import Say, serving

SLOTS_P99_MAX_MS = 100.0
ROUNDS = 5
MEASURED_S = 6
LOGIN_CLIENTS = 16
SCRIPT = Path(__file__).with_name("timed.lua")
SLOTS = "/api/booking/smart-available-slots/?date=2030-10-15"
NO_OP = "/healthz"
LOGIN_BODY = '{"email":"user@example.com","password":"123456Long"}'


class Timing(Struct, frozen=True):
    """Of one kind of request."""

    per_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    refused: int


class Round(Struct, frozen=True):
    alone: Timing
    no_op: Timing
    beside: Timing
    logins: Timing


class Wrk:
    """Starts wrk, one process a kind of request."""

    def __init__(self, base_url: str) -> None:
        found = shutil.which("wrk")
        if found is None:
            raise LoadError(MISSING)
        self._wrk = found
        self._base_url = base_url

    def start(self, path: str, *, clients: int, seconds: int, body: str = "") -> subprocess.Popen[str]:
        load = ("-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s", "-s", str(SCRIPT), self._base_url + path)
        script = ("POST" if body else "GET", body)
        return subprocess.Popen([self._wrk, *load, "--", *script], stdout=subprocess.PIPE, text=True)

    def run(self, path: str, *, clients: int, seconds: int) -> Timing:
        return result(self.start(path, clients=clients, seconds=seconds))


def result(wrk: subprocess.Popen[str]) -> Timing:
    output, _ = wrk.communicate()
    lines = [line for line in output.splitlines() if line.startswith("RESULT ")]
    if wrk.returncode != 0 or not lines:
        raise LoadError(f"wrk failed: {output}")
    answered, refused, duration_us, p50_us, p99_us, max_us = map(int, lines[0].split()[1:])
    return Timing(answered / duration_us * 1e6, p50_us / 1e3, p99_us / 1e3, max_us / 1e3, refused)


def measure(wrk: Wrk, seconds: int) -> Round:
    """Slots alone, nothing at all, then slots beside the logins."""
    alone = wrk.run(SLOTS, clients=1, seconds=seconds)
    no_op = wrk.run(NO_OP, clients=1, seconds=seconds)
    logins = wrk.start("/api/login/", clients=LOGIN_CLIENTS, seconds=seconds + 2, body=LOGIN_BODY)
    beside = wrk.run(SLOTS, clients=1, seconds=seconds)
    return Round(alone, no_op, beside, result(logins))


def table(rounds: Sequence[Round]) -> str:
    """Medians of the rounds."""
    rows = [f"{'':34}{'per s':>9}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}{'refused':>9}"]
    for title, name in (
        ("no-op route, alone", "no_op"),
        ("slots, alone", "alone"),
        (f"slots, beside {LOGIN_CLIENTS} logging in", "beside"),
        ("those logins", "logins"),
    ):
        timings = [getattr(one, name) for one in rounds]
        fields = ("per_s", "p50_ms", "p99_ms", "max_ms")
        cells = [statistics.median(getattr(timing, field) for timing in timings) for field in fields]
        refused = sum(timing.refused for timing in timings)
        rows.append(f"{title:34}" + "".join(f"{cell:>9.1f}" for cell in cells) + f"{refused:>9}")
    return "\n".join(rows)


def run(say: Say) -> bool:
    """Measure, print; True if the p99 of slots stays under its bar and nothing was refused."""
    with serving(say) as stack:
        wrk = Wrk(stack.api_url)
        rounds = []
        for number in range(ROUNDS):
            say(f"logins beside slots, round {number + 1} of {ROUNDS}")
            rounds.append(measure(wrk, MEASURED_S))
    print(f"\nA slots request beside logins; medians of {ROUNDS} rounds of {MEASURED_S} s\n")
    print(table(rounds), end="\n\n")
    p99_ms = statistics.median(one.beside.p99_ms for one in rounds)
    met = p99_ms < SLOTS_P99_MAX_MS and not any(one.beside.refused or one.logins.refused for one in rounds)
    bar = f"p99 of slots under {SLOTS_P99_MAX_MS:g} ms beside {LOGIN_CLIENTS} clients logging in"
    print(f"{'met   ' if met else 'MISSED'}  {bar}: {p99_ms:.1f} ms")
    return met
