"""The load generator: wrk, a process of its own, booking a distinct slot with each request."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path
from typing import Protocol

from msgspec import Struct

SCRIPT = Path(__file__).with_name("book.lua")
TIMEOUT_S = 15
MISSING = "The load generator wrk is missing. Install it: apt-get install wrk"


class LoadError(Exception):
    """The load generator is missing or failed; the message says what to do."""


def wrk() -> str:
    """Where the load generator is. Raises LoadError if it is not installed."""
    found = shutil.which("wrk")
    if found is None:
        raise LoadError(MISSING)
    return found


class Load(Struct, frozen=True):
    """What one run saw from outside."""

    sent: int
    created: int
    """Answers 201."""
    refused: int
    """Any other answer; there should be none."""
    first_refusal: str
    duration_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    socket_errors: int
    timeouts: int
    ids: list[int]
    """Of the bookings that were acknowledged."""

    @property
    def per_s(self) -> float:
        return self.created / self.duration_s

    @property
    def unanswered(self) -> int:
        """Under way when the time was over: they may be in the table or not."""
        return self.sent - self.created - self.refused


class Books(Protocol):
    """Makes load: a `Booker`, or a slower one."""

    def run(self, url: str, /, *, token: str, note: str, clients: int, seconds: int) -> Load: ...


class Booker:
    """Runs wrk; no two of its requests ask for the same slot."""

    def __init__(self, folder: Path) -> None:
        self._wrk = wrk()
        self._folder = folder
        self._runs = itertools.count()
        self._next_slot = 0

    def run(self, url: str, *, token: str, note: str, clients: int, seconds: int) -> Load:
        """Book from `clients` connections for `seconds`. Raises LoadError if wrk itself fails."""
        ids = self._folder / f"acknowledged-{next(self._runs)}"
        load = ("-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", f"{TIMEOUT_S}s", "-s", str(SCRIPT), url)
        script = (str(self._next_slot), token, note, str(ids))
        ran = subprocess.run([self._wrk, *load, "--", *script], capture_output=True, text=True, check=False)
        if ran.returncode != 0 or "RESULT" not in ran.stdout:
            raise LoadError(f"wrk failed: {ran.stdout}{ran.stderr}")
        load_seen = _parsed(ran.stdout, ids)
        self._next_slot += load_seen.sent
        ids.unlink()
        return load_seen


def _parsed(output: str, ids: Path) -> Load:
    lines = {line.split(" ", 1)[0]: line.split(" ", 1)[-1] for line in output.splitlines()}
    sent, created, refused, duration_us, p50_us, p99_us, max_us, errors, timeouts = map(int, lines["RESULT"].split())
    return Load(
        sent=sent,
        created=created,
        refused=refused,
        first_refusal=lines.get("REFUSAL", ""),
        duration_s=duration_us / 1e6,
        p50_ms=p50_us / 1e3,
        p99_ms=p99_us / 1e3,
        max_ms=max_us / 1e3,
        socket_errors=errors,
        timeouts=timeouts,
        ids=[int(line) for line in ids.read_text().split()],
    )
