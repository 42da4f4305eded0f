"""100,000 holds that end within one minute: drained while people book, their slots bookable throughout.

The holds lie in the table before they end (`lapsing_holds`), every fifth with an intent, whose
cancellation is ordered with its end and sent to Stripe's stand-in at the usual pace. From the first
end on, wrk books other places without pause, and a prober books places whose hold has run out a
moment ago, mostly before the sweep has come by.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import httpx
import psycopg
from msgspec import Struct

from core.store.connections.database import connect_lane
from ops.processes import PAYMENTS
from tests.benchmarks.load import Booker, Books, Load
from tests.benchmarks.report import Bar, print_bars, write_result
from tests.benchmarks.stack import Say, running
from tests.benchmarks.tables.holds import SQL_BEGIN, insert_lapsing_holds, intents_of
from tests.benchmarks.tables.seed import FIRST_USER, USERS, access_token, analyze
from tests.support.payments.payer import StripeServer
from tests.support.processes.stack import Stack

CLIENTS = 4
"""Of the load: each books one place after another."""
PROBE_EVERY_S = 0.1
PROBED_BACK = 200
"""How many holds before the one that ran out last a probe may go for."""

DRAINED_WITHIN_S = 180.0
P99_MAX_MS = 500.0

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
SQL_INTENTS = """
SELECT count(*), count(*) FILTER (WHERE p.state NOT IN ('closing', 'canceled')), count(*) FILTER (WHERE p.state = 'canceled')
FROM payment p JOIN booking b ON b.id = p.booking_id WHERE b.id BETWEEN %s AND %s AND b.status = 'expired'
"""
SQL_BY_BOOKING = """
SELECT count(*) FROM event e JOIN outcome o ON o.id = e.command_id
WHERE e.booking_id BETWEEN %s AND %s AND e.type = 'booking_updated' AND o.type = 'book_room'
"""


class Plan(Struct, frozen=True):
    holds: int = 100_000
    spread_s: float = 60.0
    """From the first end to the last."""
    lead_s: float = 8.0
    """Between the last preparation and the first end."""
    chunk_s: int = 5
    """Of the load: one measurement."""


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
    """Of these, ended by a booking of their place before the sweep came by."""
    left: int
    with_intent: int
    """Of these, had an intent."""
    not_ordered: int
    """Of which no cancellation was ordered."""
    canceled: int
    """Of which were canceled by then."""
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
    plan = Plan()
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory()))
        stripe = StripeServer(folder / "stripe")
        ending.callback(stripe.close)
        stripe.start()
        environment = {**stripe.environment(), "HOLDFAST_LOG_LEVEL": "WARNING"}
        stack = ending.enter_context(running(say, environment=environment, more=(PAYMENTS,))).stack
        say(f"laying down {plan.holds:,} holds")
        first = insert_lapsing_holds(stack.database_url, plan.holds)
        stripe.adopt(intents_of(plan.holds))
        stripe.send_webhooks_to(stack.api_url)
        analyze(stack.database_url)
        result = measure(stack, Booker(folder), plan, first, say)
    met = bars(result)
    print(f"\n{summary(plan, result)}\n\nAlso in {write_result('expiry', {'result': result, 'bars': met})}")
    return print_bars(met)


def measure(stack: Stack, booker: Books, plan: Plan, first: int, say: Say) -> Result:
    token = access_token(stack.api_url)
    last = first + plan.holds - 1
    with connect_lane(stack.database_url, "holdfast bench") as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute("SET transaction_timeout = 0")
        connection.execute(SQL_BEGIN, (plan.lead_s, first, plan.spread_s / plan.holds, first, last))
        say(f"the holds end within {plan.spread_s:g} s from now on; booking beside with {CLIENTS} clients")
        prober = Prober(stack, token, first, last)
        loads: list[Load] = []
        until = time.monotonic() + DRAINED_WITHIN_S + plan.lead_s
        left = plan.holds
        while left and time.monotonic() < until:
            url = f"{stack.api_url}/api/booking/create/"
            loads.append(booker.run(url, token=token, note="bench expiry", clients=CLIENTS, seconds=plan.chunk_s))
            left = int((connection.execute(SQL_LEFT, (first, last)).fetchone() or (0,))[0])
            load = loads[-1]
            say(f"{left:>7,} left  {load.per_s:>6.0f} bookings/s  p50 {load.p50_ms:.1f} ms  p99 {load.p99_ms:.1f} ms")
        probes = prober.stop()
        by_booking = (connection.execute(SQL_BY_BOOKING, (first, last)).fetchone() or (0,))[0]
        intents = connection.execute(SQL_INTENTS, (first, last)).fetchone() or (0, 0, 0)
        lateness, drained_s, expired = connection.execute(SQL_LATENESS, (first, last)).fetchone() or ([], 0, 0)
    return Result(
        holds=plan.holds,
        drained_s=float(drained_s),
        expired=expired,
        by_booking=by_booking,
        left=left,
        with_intent=intents[0],
        not_ordered=intents[1],
        canceled=intents[2],
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


def summary(plan: Plan, result: Result) -> str:
    p50, p99, most = result.lateness_s or [0, 0, 0]
    probes = ", ".join(f"{count} of {status}" for status, count in sorted(result.probes.items()))
    beside = (
        f"beside them {result.booked_per_s:,.0f} bookings/s by {CLIENTS} clients: p50 {result.p50_ms:.1f} ms,"
        f" p99 {result.p99_ms:.1f} ms in the worst {plan.chunk_s} s"
    )
    return "\n".join(
        (
            f"{result.holds:,} holds that ended within {plan.spread_s:g} s: {result.expired:,} expired, {result.by_booking:,} of them by a booking of their place",
            f"after their time: p50 {p50} s, p99 {p99} s, the last {most} s; all {result.drained_s:.0f} s after the first",
            beside,
            f"{result.with_intent:,} of them had an intent: {result.canceled:,} were canceled by then, the others at the usual pace",
            f"places of lapsed holds asked for: {probes}; p99 {result.probe_p99_ms:.0f} ms",
        )
    )


def bars(result: Result) -> list[Bar]:
    drained = not result.left and result.drained_s <= DRAINED_WITHIN_S
    booked = set(result.probes) == {"201"}
    return [
        Bar(f"drained within {DRAINED_WITHIN_S:g} s", f"{result.drained_s:.0f} s, {result.left:,} left", drained),
        Bar(f"p99 of single bookings under {P99_MAX_MS:g} ms", f"{result.p99_ms:.1f} ms", result.p99_ms < P99_MAX_MS),
        Bar(
            "the cancellation of every intent ordered, none waited for",
            f"{result.with_intent:,} intents, {result.not_ordered} without an order",
            result.with_intent > result.canceled and not result.not_ordered,
        ),
        Bar("no single booking refused or lost", str(result.refused), result.refused == 0),
        Bar(
            "every lapsed place could be booked, swept or not",
            f"{result.probes}",
            booked and result.by_booking > 0,
        ),
    ]
