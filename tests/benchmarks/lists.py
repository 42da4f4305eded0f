"""The scenario `lists`: every list, summary and month of the admin desk on big tables, beside the no-op route."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import httpx
from msgspec import Struct

from ops.processes import API
from tests.accounts import answers
from tests.benchmarks.big_tables import COMMON_SERVICE, FIRST_ID, FIRST_USER, Size, fill
from tests.benchmarks.report import Bar, write_result
from tests.benchmarks.seed import access_token
from tests.benchmarks.stack import Say
from tests.stack import PostgresServer, Stack, ValkeyServer, wait_until

P50_AT_MOST_MS = 50.0
ROUNDS = 5
REQUESTS = 15
"""Of each list in each round."""


class Question(Struct, frozen=True):
    what: str
    path: str


class Answered(Struct, frozen=True):
    """Medians over the rounds; the answer's own total beside them."""

    what: str
    path: str
    p50_ms: float
    max_ms: float
    rounds: list[float]
    """The median of each round, in milliseconds."""
    total: int | None
    exact: bool | None


NO_OP = Question("no-op route", "/healthz")


def questions() -> list[Question]:
    """What staff ask, from everything to almost nothing; the days are where the bookings are."""
    now = datetime.now(UTC)
    today, soon = now.date().isoformat(), (now + timedelta(days=40)).date()
    bookings, reserved, people = "/api/admin/bookings/", "/api/reservations/reserved_slots/", "/api/admin/users/"
    month = f"year={soon.year}&month={soon.month}"
    return [
        NO_OP,
        Question("bookings", bookings),
        Question("bookings, 500 of them", f"{bookings}?limit=500"),
        Question("bookings, far down", f"{bookings}?offset=9950"),
        Question("bookings, in the middle", f"{bookings}?offset=500000"),
        Question("bookings by status, many", f"{bookings}?status=completed"),
        Question("bookings by status, few", f"{bookings}?status=cancelled"),
        Question("bookings by date", f"{bookings}?date={today}"),
        Question("bookings by date and status", f"{bookings}?date={today}&status=cancelled"),
        Question("bookings by service, half of all", f"{bookings}?service={COMMON_SERVICE}"),
        Question("bookings by service, few", f"{bookings}?service=bench service 42"),
        Question("bookings by service and status", f"{bookings}?service={COMMON_SERVICE}&status=cancelled"),
        Question("bookings by service and date", f"{bookings}?service={COMMON_SERVICE}&date={today}"),
        Question("bookings of nobody's service", f"{bookings}?service=none of these"),
        Question("bookings by user, busy", f"{bookings}?user=person0"),
        Question("bookings by user, busy, and status", f"{bookings}?user=person0&status=cancelled"),
        Question("bookings by user", f"{bookings}?user=person777"),
        Question("bookings by category", f"{bookings}?category=2"),
        Question("bookings by all of them", f"{bookings}?user=person0&date={today}&service=bench service 0&status=upcoming"),
        Question("statistics", f"{bookings}stats/"),
        Question("details", f"{bookings}{FIRST_ID + 500_000}/"),
        Question("month calendar", f"/api/booking/calendar/?{month}"),
        Question("slots", f"/api/booking/smart-available-slots/?date={soon}"),
        Question("reserved slots", reserved),
        Question("reserved slots by date", f"{reserved}?date={today}"),
        Question("reserved slots by service, half of all", f"{reserved}?service={COMMON_SERVICE}"),
        Question("reserved slots by service, few", f"{reserved}?service=bench service 42"),
        Question("services", "/api/services/"),
        Question("users", people),
        Question("users, sorted by name", f"{people}?sort_by=last_name&sort_order=asc"),
        Question("users, sorted by email, far down", f"{people}?sort_by=email&sort_order=desc&offset=9950"),
        Question("users, the document's filters", f"{people}?gender=male&country=Egypt&is_active=true&sort_by=date_joined&sort_order=desc&limit=10"),
        Question("users who joined in a month", f"{people}?date_joined_from=2024-06-01&date_joined_to=2024-06-30"),
        Question("users, searched, one", f"{people}?search=person77777"),
        Question("users, searched, many", f"{people}?search=person"),
        Question("users, searched, nobody", f"{people}?search=zzzzzz"),
        Question("user statistics", f"{people}stats/"),
        Question("user filter options", f"{people}filter-options/"),
        Question("user details", f"{people}{FIRST_USER + 5}/"),
    ]  # fmt: skip


def run(say: Say) -> bool:
    """Build, measure, print; True if every median is within the bar."""
    size = Size()
    with running(say, size) as stack:
        say(f"measuring, {ROUNDS} rounds")
        found = measure(stack.api_url, access_token(stack.api_url))
    print(
        f"\n{size.bookings:,} bookings, {size.users:,} users; medians of {ROUNDS} rounds of {REQUESTS} requests, one client\n"
    )
    print(table(found))
    worst = max(found, key=lambda one: one.p50_ms)
    bar = Bar(
        f"every list within {P50_AT_MOST_MS:g} ms at the median",
        f"{worst.p50_ms:.1f} ms, {worst.what}",
        worst.p50_ms <= P50_AT_MOST_MS,
    )
    print(f"\n{'met   ' if bar.is_met else 'MISSED'}  {bar.what}: the slowest is {bar.measured}")
    say(f"written to {write_result('lists', {'size': size, 'lists': found, 'bars': [bar]})}")
    return bar.is_met


@contextmanager
def running(say: Say, size: Size) -> Iterator[Stack]:
    """The API over the big tables, on free ports, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-bench-"))
    folder.chmod(0o755)  # PostgreSQL may run under another account
    with ExitStack() as ending:
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        say("starting PostgreSQL and Valkey")
        postgres, valkey = PostgresServer(folder / "postgres"), ValkeyServer(folder / "valkey")
        for server in (postgres, valkey):
            ending.callback(server.close)
            server.start()
        database_url = postgres.new_database(demo=True)
        fill(database_url, say, size)
        stack = Stack(folder, database_url, valkey, processes=(API,))
        ending.callback(stack.close)
        stack.start(wait=False)
        wait_until(lambda: answers(stack), "the API answers")
        yield stack


def measure(api_url: str, token: str) -> list[Answered]:
    """Round after round over all questions, so that none is measured at one moment alone."""
    asked = questions()
    times: dict[str, list[list[float]]] = {one.path: [] for one in asked}
    bodies: dict[str, dict[str, object]] = {}
    with httpx.Client(base_url=api_url, headers={"Authorization": f"Bearer {token}"}, timeout=30.0) as client:
        for one in asked:
            answer = client.get(one.path)
            if answer.status_code != 200:
                raise AssertionError(f"GET {one.path}: {answer.status_code} {answer.text[:200]}")
            bodies[one.path] = answer.json()
        for _ in range(ROUNDS):
            for one in asked:
                times[one.path].append([_timed(client, one.path) for _ in range(REQUESTS)])
    return [_answered(one, times[one.path], bodies[one.path]) for one in asked]


def _timed(client: httpx.Client, path: str) -> float:
    """Milliseconds, as the client sees them."""
    begun = time.perf_counter()
    client.get(path).raise_for_status()
    return (time.perf_counter() - begun) * 1000


def _answered(one: Question, rounds: Sequence[Sequence[float]], body: dict[str, object]) -> Answered:
    medians = [median(times) for times in rounds]
    total, exact = body.get("total_count"), body.get("total_exact")
    return Answered(
        what=one.what,
        path=one.path,
        p50_ms=median(medians),
        max_ms=max(max(times) for times in rounds),
        rounds=[round(ms, 2) for ms in medians],
        total=total if isinstance(total, int) else None,
        exact=exact if isinstance(exact, bool) else None,
    )


def table(found: Sequence[Answered]) -> str:
    width = max(len(one.what) for one in found)
    lines = [f"{'':{width}}{'p50 ms':>9}{'max ms':>9}{'total':>12}"]
    for one in found:
        total = "" if one.total is None else f"over {one.total:,}" if one.exact is False else f"{one.total:,}"
        lines.append(f"{one.what:<{width}}{one.p50_ms:>9.1f}{one.max_ms:>9.1f}{total:>14}")
    return "\n".join(lines)
