"""A session with 10,000 participants who have paid is cancelled, while 16 clients book other things."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import httpx
import psycopg
from msgspec import Struct

from tests.benchmarks.load import Booker, Books, Load
from tests.benchmarks.measurement import HOLDFAST
from tests.benchmarks.report import Bar, print_bars, write_result
from tests.benchmarks.stack import Say, running
from tests.benchmarks.tables.seed import access_token, analyze
from tests.support.clients.callers import STAFF, access_for, bearer
from tests.support.clients.marketplace import BASE
from tests.support.engine.large_session import LargeSession, SessionCounts, large_session, session_counts
from tests.support.processes.stack import Stack

PARTICIPANTS = 10_000
CLIENTS = 16
CHUNK_S = 2
P99_MAX_MS = 250.0
DECIDED_WITHIN_S = 120.0

SQL_STEPS = """
SELECT count(DISTINCT e.batch_id), extract(epoch FROM max(o.decided_at) - max(o.accepted_at))
FROM event e JOIN outcome o ON o.id = e.command_id WHERE e.command_id = %s
"""


class Result(Struct, frozen=True):
    participants: int
    decided_s: float
    """From the acceptance of the cancellation to its answer."""
    steps: int
    alone: Load
    beside: list[Load]
    stand: SessionCounts

    @property
    def p99_ms(self) -> float:
        """Of the worst chunk."""
        return max(load.p99_ms for load in self.beside)

    @property
    def p50_ms(self) -> float:
        return sorted(load.p50_ms for load in self.beside)[len(self.beside) // 2]

    @property
    def refused(self) -> int:
        return sum(load.refused + load.socket_errors + load.timeouts for load in self.beside)


def run(say: Say) -> bool:
    """Measure, print, and save; True if all bars are met."""
    with running(say) as parts, tempfile.TemporaryDirectory() as folder:
        stack = parts.stack
        say(f"seating {PARTICIPANTS:,} participants")
        session = large_session(stack.database_url, PARTICIPANTS)
        analyze(stack.database_url)
        result = measure(stack, Booker(Path(folder)), PARTICIPANTS, session, say)
    met = bars(result)
    print(f"\n{summary(result)}\n\nAlso in {write_result('cancelling', {'result': result, 'bars': met})}")
    return print_bars(met)


def measure(stack: Stack, booker: Books, participants: int, session: LargeSession, say: Say) -> Result:
    token, url = access_token(stack.api_url), stack.api_url + HOLDFAST.path

    def book() -> Load:
        return booker.run(url, token=token, note="bench cancelling", clients=CLIENTS, seconds=CHUNK_S)

    book()
    alone, beside = book(), list[Load]()
    headers = {**bearer(access_for(stack, STAFF)), "Prefer": "respond-async"}
    with httpx.Client(base_url=stack.api_url, headers=headers, timeout=30.0) as client:
        accepted = client.delete(f"{BASE}/sessions/{session.id}/").raise_for_status().json()
        until = time.monotonic() + DECIDED_WITHIN_S
        status = {"status": "accepted"}
        while status["status"] == "accepted" and time.monotonic() < until:
            beside.append(book())
            status = client.get(accepted["status_url"]).raise_for_status().json()
            say(
                f"{status.get('progress', status['status'])}  p50 {beside[-1].p50_ms:.1f} ms  p99 {beside[-1].p99_ms:.1f} ms"
            )
    with psycopg.connect(stack.database_url) as connection:
        steps, decided_s = connection.execute(SQL_STEPS, (accepted["id"],)).fetchone() or (0, None)
    return Result(
        participants=participants,
        decided_s=float("inf") if decided_s is None else float(decided_s),
        steps=steps,
        alone=alone,
        beside=beside,
        stand=session_counts(stack.database_url, session),
    )


def summary(result: Result) -> str:
    alone, per_s = (
        result.alone,
        sum(one.created for one in result.beside) / sum(one.duration_s for one in result.beside),
    )
    before = f"{alone.per_s:,.0f} bookings/s, p50 {alone.p50_ms:.1f} ms, p99 {alone.p99_ms:.1f} ms"
    beside = f"{per_s:,.0f} bookings/s, p50 {result.p50_ms:.1f} ms, p99 {result.p99_ms:.1f} ms in the worst {CHUNK_S} s"
    return "\n".join(
        (
            f"{result.participants:,} participants: decided in {result.decided_s:.1f} s and {result.steps} steps",
            f"{CLIENTS} clients alone: {before}",
            f"beside it: {beside}",
        )
    )


def bars(result: Result) -> list[Bar]:
    all_ = SessionCounts(result.participants, 0, result.participants, 0, 0)
    return [
        Bar(
            f"{result.participants:,} participants cancelled within {DECIDED_WITHIN_S:g} s",
            f"{result.decided_s:.1f} s, {result.steps} steps",
            result.decided_s < DECIDED_WITHIN_S,
        ),
        Bar(
            f"p99 of {CLIENTS} clients on other resources under {P99_MAX_MS:g} ms",
            f"{result.p99_ms:.1f} ms, {result.refused} refused",
            result.p99_ms < P99_MAX_MS and not result.refused,
        ),
        Bar("each cancelled once, and all of the money ordered back once", f"{result.stand}", result.stand == all_),
    ]
