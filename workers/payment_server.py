"""The payments server: asks Stripe for what is due, on threads of its own, and reports to the lanes.

No lane ever waits for it. What goes wrong at Stripe's end is tried again, later each time; when
nothing gets through any more the circuit opens, for all payments workers, and one of them knocks
from time to time until Stripe is back.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count

import psycopg
import structlog
from celery import Celery
from psycopg_pool import ConnectionPool, PoolTimeout

from core import logs
from core.domain.payments.values import REFUND_UNDER_WAY
from core.engine.payment_jobs import run_job
from core.payments.provider import PaymentsAwayError, PaymentsError, ProviderTotals
from core.payments.stripe import StripePayments
from core.settings import Settings
from core.store.connections.database import LANE_LIMITS, Connection, conninfo, set_limits
from core.store.payments.jobs import (
    PARKED_TRIES,
    UNDER_WAY_S,
    PaymentJob,
    close_circuit,
    open_circuit,
    park,
    put_off,
    report,
    take,
)
from core.store.payments.reconciliation import PaymentToReconcile, note_reconciled
from core.wakeup.broker import SERVE_PAYMENTS
from core.wakeup.keys import LANES, PAYMENTS
from workers.serve_loop import Answer, Server

log = structlog.get_logger()

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
        """See to due payments until nothing comes any more."""
        return PaymentServer(app, settings).run() if settings.stripe else 0


class PaymentServer(Server):
    group = PAYMENTS

    def __init__(self, app: Celery, settings: Settings) -> None:
        super().__init__(app, settings)
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
        self._turns = count()
        """Of refunds, looks and cancellations at Stripe."""

    def run(self) -> int:
        self._pool.open()
        return super().run()

    def _bells(self) -> list[str]:
        return [self._keys.payments_bell]

    def _close(self) -> None:
        self._threads.shutdown(wait=True)
        self._pool.close()

    def _answer(self, rung: Sequence[str]) -> Answer:
        """Take what is due, as far as there are hands free for it."""
        with self._lock:
            free, may_compare = self._free, COMPARED_AT_ONCE - self._comparing
        if not free:
            return Answer(leave_out=rung)
        try:
            with self._pool.connection() as connection:
                self._check_schema(connection)
                taken = take(connection, free, self._background_per_s, next(self._turns), may_compare)
        except (psycopg.Error, PoolTimeout) as problem:
            self._recover(problem)
            return Answer(ring_again=rung)
        with self._lock:
            self._free -= len(taken.jobs) + len(taken.to_compare) + taken.ping
            self._comparing += len(taken.to_compare)
        if taken.ping:
            self._threads.submit(self._work, self._knock)
        for due in taken.jobs:
            if due.is_parked:
                log.error("a parked payment is tried again", request_id=due.request_id, booking_id=due.booking_id)
            self._threads.submit(self._work, partial(self._run_job, due))
        for one in taken.to_compare:
            self._threads.submit(self._work, partial(self._compare, one))
        return Answer(ring_again=rung if len(taken.jobs) == free else [])

    def _work(self, work: Callable[[], None]) -> None:
        """On a thread of its own. A lease that is not ended by it runs out by itself."""
        try:
            work()
        except (psycopg.Error, PoolTimeout) as problem:
            log.warning("what stripe said was not written down", problem=repr(problem))
        except Exception:  # nobody reads what a thread of the pool raised: what is not logged here is lost
            log.exception("the payments worker failed")
        finally:
            with self._lock:
                self._free += 1

    def _knock(self) -> None:
        """Is Stripe back? One question for all that waits."""
        try:
            self._payments.ping()
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
            return self._payments.books(one.intent_id)
        finally:
            with self._lock:
                self._comparing -= 1

    def _run_job(self, due: PaymentJob) -> None:
        """Every line about it, the port's too, carries its ids."""
        with logs.bound(request_id=due.request_id, payment_id=str(due.id), booking_id=due.booking_id):
            self._ask(due)

    def _ask(self, due: PaymentJob) -> None:
        try:
            command = run_job(self._payments, due)
        except PaymentsAwayError as problem:
            self._failed(due, problem)
            return
        except Exception as problem:  # noqa: BLE001 - a bug, or an answer that nobody understands: never given up
            self._not_understood(due, problem)
            return
        with self._lock:
            self._failures = 0
        with self._pool.connection() as connection:
            reported = report(connection, due, command)
        command_id, lane = reported or (None, None)
        log.info("payment seen to", state=due.state, report=type(command).__name__, command_id=command_id)
        if lane is not None:
            self._lane_waker.ring([self._keys.lane_bell(lane)])

    def _not_understood(self, due: PaymentJob, problem: Exception) -> None:
        """Tried again some times, each later, then parked: shown to staff and tried seldom, until a person helped."""
        parks = due.tries >= PARKED_TRIES
        log.error(
            "a payment is parked" if parks else "a payment could not be seen to",
            state=due.state,
            tries=due.tries,
            exc_info=problem,
        )
        with self._pool.connection() as connection:
            if parks:
                park(connection, due, repr(problem))
            else:
                put_off(connection, due, backoff_s(due.tries), new_key=False)

    def _failed(self, due: PaymentJob, problem: PaymentsAwayError) -> None:
        log.warning("stripe did not answer", state=due.state, tries=due.tries, problem=str(problem))
        opens = self._opens_circuit(problem)
        with self._pool.connection() as connection:
            put_off(connection, due, _pause_s(due, problem), new_key=problem.replayed)
        if opens:
            self._open_circuit(problem)

    def _opens_circuit(self, problem: PaymentsAwayError) -> bool:
        """Count a failure, and say whether it is one too many."""
        with self._lock:
            self._failures += problem.counts
            return self._failures >= FAILURES_MAX and problem.counts

    def _open_circuit(self, problem: PaymentsAwayError) -> None:
        with self._pool.connection() as connection:
            times = open_circuit(connection, str(problem))
        log.error("the circuit to stripe is open", problem=str(problem), times=times)


def _pause_s(due: PaymentJob, problem: PaymentsAwayError) -> float:
    return UNDER_WAY_S if problem.under_way and due.state in REFUND_UNDER_WAY else backoff_s(due.tries)


def backoff_s(tries: int) -> float:
    """Doubled each time, and never the same for all."""
    longest = min(RETRY_FIRST_S * float(2 ** min(tries - 1, 16)), RETRY_LONGEST_S)
    return longest * (1 - JITTER * random.random())  # noqa: S311 - spreads load, guards nothing
