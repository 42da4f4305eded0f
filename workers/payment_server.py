"""The payments server: asks Stripe for what is due, on threads of its own, and reports to the lanes.

No lane ever waits for it. A call that fails at Stripe is tried again, later each time. When several fail in a row the
circuit opens for all payments workers, and one of them at a time tries from time to time until Stripe is back.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from typing import TypeVar

import psycopg
import structlog
from celery import Celery
from msgspec.structs import replace
from psycopg_pool import ConnectionPool, PoolTimeout

from core import logs
from core.domain.payments.values import REFUND_UNDER_WAY
from core.engine.payment_jobs import run_job
from core.payments.provider import PaymentsAwayError, PaymentsError, ProviderTotals
from core.settings import Settings
from core.store.connections.database import LANE_LIMITS, Connection, conninfo, set_limits
from core.store.payments.jobs import (
    PARKED_TRIES,
    UNDER_WAY_S,
    PaymentJob,
    close_circuit,
    lease_due,
    open_circuit,
    park,
    put_off,
    report,
)
from core.store.payments.reconciliation import PaymentToReconcile, note_reconciled
from core.tracing import spans
from core.tracing.context import trace_id_of
from core.tracing.spans import within
from core.wakeup.keys import LANES, PAYMENTS, SERVE_PAYMENTS
from workers.metrics import payment_metrics
from workers.serve_loop import Answer, Server

log = structlog.get_logger()

T = TypeVar("T")

CALLS_AT_ONCE = 8
"""Stripe's usual limits are about 100 calls a second live and 25 in test mode; a call takes some 0.3 s."""
COMPARED_AT_ONCE = CALLS_AT_ONCE // 2
"""Nobody waits for comparisons, and a provider that hangs must leave threads to those who want to pay."""
FAILURES_MAX = 3
"""In a row, over all threads of a worker; then the circuit opens."""
RETRY_FIRST_S, RETRY_LONGEST_S = 1.0, 60.0
JITTER = 0.25


def register(app: Celery, settings: Settings) -> None:
    @app.task(name=SERVE_PAYMENTS)
    def serve() -> int:
        """Work on due payments until none comes any more."""
        return PaymentServer(app, settings).run() if settings.stripe else 0


class PaymentServer(Server):
    group = PAYMENTS

    def __init__(self, app: Celery, settings: Settings) -> None:
        super().__init__(app, settings)
        from core.payments.stripe import StripePayments  # noqa: PLC0415 - Stripe's library, which no other worker needs

        assert settings.stripe is not None  # noqa: S101 - asked before
        stripe = settings.stripe
        self._payments = StripePayments(stripe.secret_key, stripe.api_base, stripe.method_types)
        self._background_per_s = stripe.background_per_s
        self._lane_waker = self._waker_of(LANES)
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            conninfo(settings.database_url, "holdfast payments"),
            kwargs={"autocommit": True},
            configure=partial(set_limits, limits=LANE_LIMITS),
            min_size=1,
            max_size=CALLS_AT_ONCE + 1,
            timeout=5.0,
            open=False,
        )
        self._threads = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="payments")
        self._free = CALLS_AT_ONCE
        self._comparing = 0
        self._failures = 0
        self._lock = threading.Lock()
        self._rotations = count()
        """Refunds, looks and cancellations go first in turn."""
        self._metrics = payment_metrics()

    def run(self) -> int:
        self._pool.open()
        self._metrics.pools.follow("payments", self._pool.get_stats)
        return super().run()

    def _bells(self) -> list[str]:
        return [self._keys.payments_bell]

    def _close(self) -> None:
        self._threads.shutdown(wait=True)
        self._pool.close()

    def _answer(self, rung: Sequence[str]) -> Answer:
        """Lease what is due, as far as threads are free for it."""
        with self._lock:
            free, may_compare = self._free, COMPARED_AT_ONCE - self._comparing
        if not free:
            return Answer(leave_out=rung)
        try:
            with self._pool.connection() as connection:
                self._check_schema(connection)
                leased = lease_due(connection, free, self._background_per_s, next(self._rotations), may_compare)
        except (psycopg.Error, PoolTimeout) as problem:
            self._recover(problem)
            return Answer(ring_again=rung)
        with self._lock:
            self._free -= len(leased.jobs) + len(leased.to_compare) + leased.ping
            self._comparing += len(leased.to_compare)
        if leased.ping:
            self._threads.submit(self._work, self._ping)
        for job in leased.jobs:
            if job.is_parked:
                log.error("a parked payment is tried again", request_id=job.request_id, booking_id=job.booking_id)
            self._threads.submit(self._work, partial(self._run_job, job))
        for one in leased.to_compare:
            self._threads.submit(self._work, partial(self._compare, one))
        return Answer(ring_again=rung if len(leased.jobs) == free else [])

    def _work(self, work: Callable[[], None]) -> None:
        """On a thread of its own. A lease that it does not end runs out by itself."""
        try:
            work()
        except (psycopg.Error, PoolTimeout) as problem:
            log.warning("what stripe said was not written down", problem=repr(problem))
        except Exception:  # nobody reads what a thread of the pool raises: what is not logged here is lost
            log.exception("the payments worker failed")
        finally:
            with self._lock:
                self._free += 1

    def _timed(self, job: str, ask: Callable[[], T]) -> T:
        """What Stripe said; how long it took and how it ended is noted."""
        started, outcome = time.monotonic(), "failed"
        try:
            answer = ask()
            outcome = "answered"
        except PaymentsAwayError:
            outcome = "away"
            raise
        finally:
            self._metrics.done(job, outcome, time.monotonic() - started)
        return answer

    def _ping(self) -> None:
        """Whether Stripe is back: one call for all that waits."""
        try:
            self._timed("ping", self._payments.ping)
        except PaymentsAwayError as problem:
            self._open_circuit(problem)
            return
        with self._lock:
            self._failures = 0
        with self._pool.connection() as connection:
            close_circuit(connection)
        log.info("the circuit to stripe is closed")
        self._waker.ring([self._keys.payments_bell])

    def _compare(self, one: PaymentToReconcile) -> None:
        """Ask the provider what it received and refunded. If it does not answer, it is asked again later."""
        with logs.bound(payment_id=str(one.id), booking_id=one.booking_id):
            try:
                books = self._books(one)
            except PaymentsError as problem:
                log.warning("a payment could not be compared", problem=str(problem))
                if isinstance(problem, PaymentsAwayError) and self._opens_circuit(problem):
                    self._open_circuit(problem)
                return
            with self._lock:
                self._failures = 0
            with self._pool.connection() as connection:
                note_reconciled(connection, one, books)
            if one.differs(books):
                log.error(
                    "a payment differs from the provider's books",
                    intent_id=one.intent_id,
                    received_minor=one.received_minor,
                    refunded_minor=one.refunded_minor,
                    provider_received_minor=books.received_minor,
                    provider_refunded_minor=books.refunded_minor,
                )

    def _books(self, one: PaymentToReconcile) -> ProviderTotals:
        try:
            return self._timed("compare", partial(self._payments.books, one.intent_id))
        finally:
            with self._lock:
                self._comparing -= 1

    def _run_job(self, job: PaymentJob) -> None:
        """Every log line about it, the port's too, carries its ids. What Stripe is asked belongs to the trace of its request."""
        with logs.bound(request_id=job.request_id, payment_id=str(job.id), booking_id=job.booking_id):
            if job.traceparent is None or not spans.is_on():
                self._ask(job)
                return
            with logs.bound(trace_id=trace_id_of(job.traceparent)), within("payment", job.traceparent) as span:
                span.attributes |= {"holdfast.payment_state": job.state.value, "holdfast.tries": job.tries}
                self._ask(replace(job, traceparent=span.context.traceparent))

    def _ask(self, job: PaymentJob) -> None:
        try:
            command = self._timed(job.state.value, partial(run_job, self._payments, job))
        except PaymentsAwayError as problem:
            self._failed(job, problem)
            return
        except Exception as problem:  # noqa: BLE001 - a bug, or an answer that we do not understand: it is tried again
            self._not_understood(job, problem)
            return
        with self._lock:
            self._failures = 0
        with self._pool.connection() as connection:
            reported = report(connection, job, command)
        command_id, lane = reported or (None, None)
        log.info("payment seen to", state=job.state, report=type(command).__name__, command_id=command_id)
        if lane is not None:
            self._lane_waker.ring([self._keys.lane_bell(lane)])

    def _not_understood(self, job: PaymentJob, problem: Exception) -> None:
        """Try again, later each time; after some tries park it: staff see it, and it is tried seldom until a person helps."""
        parks = job.tries >= PARKED_TRIES
        log.error(
            "a payment is parked" if parks else "a payment could not be seen to",
            state=job.state,
            tries=job.tries,
            exc_info=problem,
        )
        with self._pool.connection() as connection:
            if parks:
                park(connection, job, repr(problem))
            else:
                put_off(connection, job, backoff_s(job.tries), new_key=False)

    def _failed(self, job: PaymentJob, problem: PaymentsAwayError) -> None:
        log.warning("stripe did not answer", state=job.state, tries=job.tries, problem=str(problem))
        opens = self._opens_circuit(problem)
        with self._pool.connection() as connection:
            put_off(connection, job, _pause_s(job, problem), new_key=problem.replayed)
        if opens:
            self._open_circuit(problem)

    def _opens_circuit(self, problem: PaymentsAwayError) -> bool:
        """Count a failure; True if it is one too many."""
        with self._lock:
            self._failures += problem.counts
            return self._failures >= FAILURES_MAX and problem.counts

    def _open_circuit(self, problem: PaymentsAwayError) -> None:
        with self._pool.connection() as connection:
            times = open_circuit(connection, str(problem))
        log.error("the circuit to stripe is open", problem=str(problem), times=times)


def _pause_s(job: PaymentJob, problem: PaymentsAwayError) -> float:
    return UNDER_WAY_S if problem.under_way and job.state in REFUND_UNDER_WAY else backoff_s(job.tries)


def backoff_s(tries: int) -> float:
    """Doubled each time, and never the same for all."""
    longest = min(RETRY_FIRST_S * float(2 ** min(tries - 1, 16)), RETRY_LONGEST_S)
    return longest * (1 - JITTER * random.random())  # noqa: S311 - spreads load, guards nothing
