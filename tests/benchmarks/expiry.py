"""100,000 holds that end within one minute: drained while people book, their slots bookable throughout.

The holds lie in the table before they end, spread over rooms and days as bookings are. From the
first end on, wrk books other places without pause, and a prober books places whose hold has run
out a moment ago, mostly before the sweep has come by.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
from msgspec import Struct

from core.store.database import connect_lane
from tests.benchmarks.load import Booker, Load
from tests.benchmarks.report import Bar, print_bars, write_result
from tests.benchmarks.seed import FIRST_USER, USERS, access_token, analyze
from tests.benchmarks.stack import Say, running
from tests.stack import Stack

HOLDS = 100_000
ROOMS = 200
SLOTS_A_DAY = 20
HOLDERS = 20_000
SPREAD_S = 60.0
LEAD_S = 8.0
"""Between the last preparation and the first end."""
CLIENTS = 4
"""Of wrk: each books one place after another."""
CHUNK_S = 5
PROBE_EVERY_S = 0.1
PROBED_BACK = 200
"""How many holds before the one that ran out last a probe may go for."""

DRAINED_WITHIN_S = 180.0
P99_MAX_MS = 500.0

SQL_PREPARE = (
    f"""
    INSERT INTO resource (id, kind, name, zone)
    SELECT 5000 + n, 'room', 'Bench room ' || n, 'UTC' FROM generate_series(0, {ROOMS - 1}) AS n
    """,
    f"""
    INSERT INTO room (id, resource_id, name, capacity, price_minor, slot_minutes, opens_minute, closes_minute)
    SELECT 5000 + n, 5000 + n, 'Bench room ' || n, 10, 5000, 30, 480, 480 + 30 * {SLOTS_A_DAY}
    FROM generate_series(0, {ROOMS - 1}) AS n
    """,
    f"""
    INSERT INTO user_account (id, username, username_key)
    SELECT n, 'holder' || n, 'holder' || n FROM generate_series(100001, {100_000 + HOLDERS}) AS n
    """,
)
COLUMNS = """id, public_uuid, contract, user_id, service_name, resource_id, starts_at, ends_at, local_date, local_time,
    duration_minutes, status, payment_status, command_id, created_at, updated_at, price_minor, hold_expires_at, details"""
SQL_COPY_HOLDS = f"COPY booking ({COLUMNS}) FROM STDIN"
SQL_COPY_CLAIMS = "COPY claim (resource_id, booking_id, during) FROM STDIN"
SQL_BEGIN = """
UPDATE booking SET hold_expires_at = clock_timestamp() + make_interval(secs => %s + (id - %s) * %s) WHERE id >= %s
"""
SQL_LEFT = "SELECT count(*) FROM booking WHERE id BETWEEN %s AND %s AND status = 'held'"
SQL_LAPSED = """
SELECT details->>'room_id', local_date::text, local_time::text, details->>'ends' FROM booking
WHERE id BETWEEN %s AND %s AND status = 'held' AND hold_expires_at <= clock_timestamp()
ORDER BY hold_expires_at DESC OFFSET %s LIMIT 1
"""
SQL_LATENESS = """
SELECT percentile_cont(ARRAY[0.5, 0.99, 1]) WITHIN GROUP (ORDER BY extract(epoch FROM updated_at - hold_expires_at)),
       extract(epoch FROM max(updated_at) - min(hold_expires_at)), count(*)
FROM booking WHERE id BETWEEN %s AND %s AND status = 'expired'
"""
SQL_BY_BOOKING = """
SELECT count(*) FROM event e JOIN outcome o ON o.id = e.command_id
WHERE e.booking_id BETWEEN %s AND %s AND e.type = 'booking_updated' AND o.type = 'book_room'
"""


class Probe(Struct, frozen=True):
    """One booking of a place whose hold had run out and was still in the table."""

    status: int
    took_ms: float


class Result(Struct, frozen=True):
    holds: int
    drained_s: float
    """From the first end to the last expiry."""
    expired: int
    by_booking: int
    """Of these, ended by who booked their place, before the sweep came by."""
    left: int
    lateness_s: list[float]
    """Between a hold's time and its end: p50, p99, most."""
    booked_per_s: float
    p50_ms: float
    p99_ms: float
    """Of the worst chunk."""
    refused: int
    probes: dict[str, int]
    """By HTTP status."""
    probe_p99_ms: float


def run(say: Say) -> bool:
    """Measure, print, and save; True if all bars are met."""
    with running(say, environment={"HOLDFAST_LOG_LEVEL": "WARNING"}) as parts, tempfile.TemporaryDirectory() as folder:
        stack = parts.stack
        say(f"laying down {HOLDS:,} holds")
        first = prepare(stack.database_url)
        analyze(stack.database_url)
        result = measure(stack, Booker(Path(folder)), first, say)
    met = bars(result)
    print(f"\n{summary(result)}\n\nAlso in {write_result('expiry', {'result': result, 'bars': met})}")
    return print_bars(met)


def prepare(database_url: str) -> int:
    """Lay the holds down, their end far away; the id of the first."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in SQL_PREPARE:
            connection.execute(statement.encode())
        row = connection.execute("SELECT max(id) + 1 FROM booking").fetchone()
        assert row is not None
        first = int(row[0])
        with connection.cursor().copy(SQL_COPY_HOLDS) as copy:
            for line in _holds(first):
                copy.write(line)
        with connection.cursor().copy(SQL_COPY_CLAIMS) as copy:
            for line in _claims(first):
                copy.write(line)
        connection.execute("SELECT setval('booking_id_seq', %s)", (first + HOLDS,))
    return first


def _place(n: int) -> tuple[int, str, str, str]:
    """Room, date, start and end of the n-th hold."""
    day, slot = divmod(n // ROOMS, SLOTS_A_DAY)
    starts, ends = 480 + 30 * slot, 510 + 30 * slot
    date = f"{2031 + day // 336}-{1 + day // 28 % 12:02}-{1 + day % 28:02}"
    return 5000 + n % ROOMS, date, f"{starts // 60:02}:{starts % 60:02}:00", f"{ends // 60:02}:{ends % 60:02}:00"


def _holds(first: int) -> Iterator[str]:
    for n in range(HOLDS):
        room, day, starts, ends = _place(n)
        uuid = f"00000000-0000-4000-8000-{n:012}"
        details = json.dumps({"type": "room", "room_id": room, "ends": ends, "guest_count": 1, "number_of_slots": 1})
        fields = (
            first + n, uuid, "rooms", 100_001 + n % HOLDERS, f"Bench room {room - 5000}", room, f"{day} {starts}+00",
            f"{day} {ends}+00", day, starts, 30, "held", "pending", uuid, "2026-01-01 00:00+00",
            "2026-01-01 00:00+00", 5000, "2100-01-01 00:00+00", details,
        )  # fmt: skip
        yield "\t".join(map(str, fields)) + "\n"


def _claims(first: int) -> Iterator[str]:
    for n in range(HOLDS):
        room, day, starts, ends = _place(n)
        yield f'{room}\t{first + n}\t["{day} {starts}+00","{day} {ends}+00")\n'


def measure(stack: Stack, booker: Booker, first: int, say: Say) -> Result:
    token = access_token(stack.api_url)
    last = first + HOLDS - 1
    with connect_lane(stack.database_url, "holdfast bench") as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute("SET transaction_timeout = 0")
        connection.execute(SQL_BEGIN, (LEAD_S, first, SPREAD_S / HOLDS, first))
        say(f"the holds end within {SPREAD_S:g} s from now on; booking beside with {CLIENTS} clients")
        prober = Prober(stack, token, first, last)
        loads: list[Load] = []
        until = time.monotonic() + DRAINED_WITHIN_S + LEAD_S
        left = HOLDS
        while left and time.monotonic() < until:
            url = f"{stack.api_url}/api/booking/create/"
            loads.append(booker.run(url, token=token, note="bench expiry", clients=CLIENTS, seconds=CHUNK_S))
            left = int((connection.execute(SQL_LEFT, (first, last)).fetchone() or (0,))[0])
            load = loads[-1]
            say(f"{left:>7,} left  {load.per_s:>6.0f} bookings/s  p50 {load.p50_ms:.1f} ms  p99 {load.p99_ms:.1f} ms")
        probes = prober.stop()
        by_booking = (connection.execute(SQL_BY_BOOKING, (first, last)).fetchone() or (0,))[0]
        lateness, drained_s, expired = connection.execute(SQL_LATENESS, (first, last)).fetchone() or ([], 0, 0)
    return Result(
        holds=HOLDS,
        drained_s=float(drained_s),
        expired=expired,
        by_booking=by_booking,
        left=left,
        lateness_s=[round(float(one), 1) for one in lateness],
        booked_per_s=sum(one.created for one in loads) / sum(one.duration_s for one in loads),
        p50_ms=sorted(one.p50_ms for one in loads)[len(loads) // 2],
        p99_ms=max(one.p99_ms for one in loads),
        refused=sum(one.refused + one.socket_errors + one.timeouts for one in loads),
        probes={str(status): count for status, count in Counter(probe.status for probe in probes).items()},
        probe_p99_ms=sorted(probe.took_ms for probe in probes)[int(len(probes) * 0.99)] if probes else 0.0,
    )


class Prober:
    """Books, a few times a second, a place whose hold has run out and that the sweep has not seen yet."""

    def __init__(self, stack: Stack, token: str, first: int, last: int) -> None:
        self._stack, self._token, self._range = stack, token, (first, last)
        self._ended = threading.Event()
        self._probes: list[Probe] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> list[Probe]:
        self._ended.set()
        self._thread.join()
        return self._probes

    def _run(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        with (
            psycopg.connect(self._stack.database_url, autocommit=True) as connection,
            httpx.Client(base_url=self._stack.api_url, headers=headers, timeout=30.0) as client,
        ):
            while not self._ended.wait(PROBE_EVERY_S):
                back = len(self._probes) * 37 % PROBED_BACK
                row = connection.execute(SQL_LAPSED, (*self._range, back)).fetchone()
                if row is not None:
                    self._probes.append(self._book(client, *row))

    def _book(self, client: httpx.Client, room: str, day: str, starts: str, ends: str) -> Probe:
        user = FIRST_USER + len(self._probes) % USERS
        wish = {"room_id": int(room), "booking_date": day, "start_time": starts, "end_time": ends, "user_id": user}
        began = time.monotonic()
        answer = client.post("/api/bookings/", json=wish)
        return Probe(answer.status_code, (time.monotonic() - began) * 1e3)


def summary(result: Result) -> str:
    p50, p99, most = result.lateness_s or [0, 0, 0]
    probes = ", ".join(f"{count} of {status}" for status, count in sorted(result.probes.items()))
    beside = (
        f"beside them {result.booked_per_s:,.0f} bookings/s by {CLIENTS} clients: p50 {result.p50_ms:.1f} ms,"
        f" p99 {result.p99_ms:.1f} ms in the worst {CHUNK_S} s"
    )
    return "\n".join(
        (
            f"{result.holds:,} holds that ended within {SPREAD_S:g} s: {result.expired:,} expired, {result.by_booking:,} of them by who booked their place",
            f"after their time: p50 {p50} s, p99 {p99} s, the last {most} s; all {result.drained_s:.0f} s after the first",
            beside,
            f"places of lapsed holds asked for: {probes}; p99 {result.probe_p99_ms:.0f} ms",
        )
    )


def bars(result: Result) -> list[Bar]:
    drained = not result.left and result.drained_s <= DRAINED_WITHIN_S
    booked = set(result.probes) == {"201"}
    return [
        Bar(f"drained within {DRAINED_WITHIN_S:g} s", f"{result.drained_s:.0f} s, {result.left:,} left", drained),
        Bar(f"p99 of single bookings under {P99_MAX_MS:g} ms", f"{result.p99_ms:.1f} ms", result.p99_ms < P99_MAX_MS),
        Bar("no single booking refused or lost", str(result.refused), result.refused == 0),
        Bar(
            "every lapsed place could be booked, swept or not",
            f"{result.probes}",
            booked and result.by_booking > 0,
        ),
    ]
