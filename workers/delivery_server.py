"""The delivery server: plans what follows from the feed, and sends what is due, on threads of its own.

No lane ever waits for it. Each sender has a share of the threads, and receivers whose last answer was a failure have a
part of that, so one that hangs holds up nobody else. While any sender has something to do a server stays, and looks by
itself every few seconds, also without Redis.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import psycopg
import structlog
from celery import Celery
from psycopg_pool import ConnectionPool, PoolTimeout

from core import logs
from core.deliveries.pauses import Pauses, after_failure
from core.deliveries.planner import plan
from core.deliveries.sender import Sender
from core.mail import mailer
from core.settings import Settings
from core.store.connections.database import LANE_LIMITS, Connection, conninfo, set_limits
from core.store.deliveries.cursors import any_sender
from core.store.deliveries.leases import FAILURES_MAX, Run, lease_runs, take_back_lost
from core.store.deliveries.reports import Attempt, Ended, Failed, Next, report
from core.store.deliveries.values import Answer, Delivery, DeliveryState, Verdict, try_again
from core.store.feed import settle_origin
from core.wakeup.keys import DELIVERIES, SERVE_DELIVERIES
from workers import serve_loop
from workers.bounce_mailbox import BounceMailbox
from workers.busy_calendars import BusyCalendars
from workers.metrics import delivery_metrics

if TYPE_CHECKING:
    from core.busy_calendars.poller import CalendarPoller
    from core.mails.bounce_reader import BounceReader

log = structlog.get_logger()

THREADS = 32
"""Runs under way at once, in one worker."""
RUN_S = 5.0
"""After which a run is reported, and what is left of it given back: one worker has nothing for long."""
CONNECTIONS = 8
"""Held for a moment before and after the network."""
FAILING_SHARE = 0.25
"""Of a sender's threads: for receivers whose last answer was a failure, or slow."""
LOOK_EVERY_S = 2.0
"""Without a ring."""
PAGES_AT_ONCE = 20
"""Planned before what is due is sent."""
DONE = (DeliveryState.SENT, DeliveryState.DROPPED)
PACE_S = 0.05
"""While there is work, pages are planned and runs are taken so much apart: more of them are written together."""
LATE_SHARE = 0.5
"""Of a lease: a process that was stopped for so long between leasing and sending gives back instead."""


def all_senders(settings: Settings) -> tuple[Sender, ...]:
    """What this installation may send. None has anything to do before it has a cursor."""
    from core.mails.sender import Mails  # noqa: PLC0415 - templates and catalogues, which no other worker needs
    from core.webhooks.sender import webhook_sender  # noqa: PLC0415 - an HTTP client, likewise

    to_staff = mailer(settings)
    return (Mails(settings, None if settings.demo else to_staff), webhook_sender(settings, to_staff))


def call_once(app: Celery) -> None:
    """When its process starts: what a setting has switched on meanwhile begins."""
    app.send_task(SERVE_DELIVERIES, retry=False)


def register(app: Celery, settings: Settings) -> None:
    @app.task(name=SERVE_DELIVERIES)
    def serve() -> int:
        """Plan and send until no sender has anything to do."""
        from core.busy_calendars.poller import calendar_poller  # noqa: PLC0415 - a parser of calendars, likewise
        from core.mails.bounce_reader import bounce_reader  # noqa: PLC0415 - an IMAP client, likewise

        return DeliveryServer(
            app, settings, all_senders(settings), calendar_poller(settings), bounce_reader(settings)
        ).run()


class Threads:
    """How many threads are free, for each sender and for its receivers that fail."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._busy: Counter[tuple[str, bool]] = Counter()
        self._lock = threading.Lock()

    def free(self, sender: Sender, *, failing: bool) -> int:
        with self._lock:
            own = self._busy[sender.name, True] + self._busy[sender.name, False]
            left = min(self._total - self._busy.total(), sender.threads - own)
            if failing:
                left = min(left, max(1, int(sender.threads * FAILING_SHARE)) - self._busy[sender.name, True])
            return max(0, left)

    def take(self, sender: str, *, failing: bool) -> None:
        with self._lock:
            self._busy[sender, failing] += 1

    def leave(self, sender: str, *, failing: bool) -> None:
        with self._lock:
            self._busy[sender, failing] -= 1


class DeliveryServer(serve_loop.Server):
    group = DELIVERIES

    def __init__(
        self,
        app: Celery,
        settings: Settings,
        senders: Sequence[Sender],
        poller: CalendarPoller | None = None,
        bounces: BounceReader | None = None,
    ) -> None:
        super().__init__(app, settings)
        self._senders = senders
        self._pauses = Pauses().scaled(settings.delivery_retry_s)
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            conninfo(settings.database_url, "holdfast deliveries"),
            kwargs={"autocommit": True},
            configure=partial(set_limits, limits=LANE_LIMITS),
            min_size=1,
            max_size=CONNECTIONS,
            timeout=5.0,
            open=False,
        )
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="deliveries")
        self._threads = Threads(THREADS)
        self._metrics = delivery_metrics()
        self._worked_s = float("-inf")
        self._calendars = None if poller is None else BusyCalendars(poller, self._pool, self._metrics, self._ring_again)
        self._bounces = None if bounces is None else BounceMailbox(bounces, self._pool)
        self._stays = True
        """Some sender has something to do, or a calendar is followed. It is not known before the first look."""

    def run(self) -> int:
        self._pool.open()
        self._metrics.pools.follow("deliveries", self._pool.get_stats)
        return super().run()

    def _bells(self) -> list[str]:
        return [self._keys.deliveries_bell]

    def _look_every_s(self) -> float | None:
        return LOOK_EVERY_S if self._stays else None

    def _close(self) -> None:
        self._executor.shutdown(wait=True)
        self._pool.close()

    def _answer(self, rung: Sequence[str]) -> serve_loop.Answer:
        """Plan some pages, then lease what is due, as far as threads are free for it."""
        if (early_s := self._worked_s + PACE_S - time.monotonic()) > 0:
            time.sleep(early_s)
        try:
            with self._pool.connection() as connection:
                self._check(connection)
                more = self._plan(connection)
                full = [self._send_due(connection, one) for one in self._senders]
                followed = self._calendars is not None and self._calendars.look(connection)
                if self._bounces is not None:
                    self._bounces.look(connection)
                self._stays = followed or self._bounces is not None or any_sender(connection)
        except (psycopg.Error, PoolTimeout) as problem:
            self._recover(problem)
            return serve_loop.Answer(ring_again=rung)
        if more or any(full):
            self._worked_s = time.monotonic()
        return serve_loop.Answer(ring_again=rung if more or any(full) else [])

    def _check(self, connection: Connection) -> None:
        if not self._fits:
            self._check_schema(connection)
            settle_origin(connection)
            for sender in self._senders:
                sender.begin(connection)

    def _plan(self, connection: Connection) -> bool:
        """True if there is more."""
        return all(plan(connection, self._senders).more for _ in range(PAGES_AT_ONCE))

    def _send_due(self, connection: Connection, sender: Sender) -> bool:
        """True if more may be due at once for which threads are free."""
        more = take_back_lost(connection, sender.name) > 0
        for failing in (False, True):  # those that answer first
            free = self._threads.free(sender, failing=failing)
            runs = lease_runs(connection, sender.name, free, sender.limits, failing=failing)
            for run in runs:
                self._threads.take(sender.name, failing=failing)
                self._executor.submit(self._deliver, sender, run, time.monotonic(), failing=failing)
            more = more or bool(runs)
        return more

    def _deliver(self, sender: Sender, run: Run, leased_s: float, *, failing: bool) -> None:
        """On a thread of its own. A lease that it does not end runs out by itself."""
        try:
            with logs.bound(sender=sender.name):
                self._make(sender, run, leased_s)
        except (psycopg.Error, PoolTimeout) as problem:
            log.warning("attempts were not written down: they are made again", problem=repr(problem))
        except Exception:  # nobody reads what a thread of the pool raises: what is not logged here is lost
            log.exception("the delivery worker failed")
        finally:
            self._threads.leave(sender.name, failing=failing)
            self._ring_again()  # a thread is free, and the receiver's next may go

    def _ring_again(self) -> None:
        self._waker.ring(self._bells())

    def _make(self, sender: Sender, run: Run, leased_s: float) -> None:
        attempts = list(self._attempts(sender, run, leased_s))
        with self._pool.connection() as connection:
            also = partial(_reported, sender, connection)
            ended = report(connection, run, attempts, self._after_failure(), also)
        if ended is None:
            log.warning("deliveries went to another worker meanwhile", deliveries=len(attempts))
            for one in attempts:
                self._metrics.attempted(sender.name, "lost", one.duration_s)
            return
        self._measure(sender, run, ended)
        self._log(ended)

    def _attempts(self, sender: Sender, run: Run, leased_s: float) -> Iterator[Attempt]:
        """Of what is sent while there is time. What must come after a delivery that failed is not tried."""
        failed: set[tuple[str, int | None]] = set()
        failures, began_s = 0, time.monotonic()
        if began_s - leased_s > sender.limits.lease_s * LATE_SHARE:
            return
        with self._sending(sender, run) as send:
            for one in run.deliveries:
                started = time.monotonic()
                late = started - leased_s > sender.limits.lease_s * LATE_SHARE or started - began_s > RUN_S
                if late or failures >= FAILURES_MAX:
                    return
                if one.booking_id is not None and (one.receiver, one.booking_id) in failed:
                    continue
                answer = send(one)
                took_s = time.monotonic() - started
                yield Attempt(one, answer, took_s, run.leased_at + timedelta(seconds=started - leased_s))
                is_failure = answer.verdict is Verdict.AGAIN
                failures = failures + 1 if is_failure else 0
                if is_failure:
                    failed.add((one.receiver, one.booking_id))

    @contextmanager
    def _sending(self, sender: Sender, run: Run) -> Iterator[Callable[[Delivery], Answer]]:
        """A bug, or the database in the middle, is no fault of the receiver."""
        with ExitStack() as stack:
            try:
                send = stack.enter_context(sender.sending(self._pool.connection, run.deliveries))
            except (psycopg.Error, PoolTimeout):
                raise
            except Exception as problem:
                log.exception("deliveries could not be tried")
                failure = _ours(problem)
                yield lambda _: failure
                return
            yield partial(_try, send)

    def _after_failure(self) -> Callable[[Answer, Failed], Next]:
        def next_of(answer: Answer, failed: Failed) -> Next:
            chance = random.random()  # noqa: S311 - spreads load, guards nothing
            return after_failure(failed, self._pauses, chance, answer.retry_after_s)

        return next_of

    def _measure(self, sender: Sender, run: Run, ended: Sequence[Ended]) -> None:
        for one in ended:
            attempt = one.attempt
            self._metrics.attempted(sender.name, one.state, attempt.duration_s)
            if one.state is DeliveryState.SENT and attempt.delivery.attempts == 1:
                arrived = (attempt.at or run.leased_at) + timedelta(seconds=attempt.duration_s)
                self._metrics.arrived(sender.name, (arrived - sender.happened(attempt.delivery)).total_seconds())

    @staticmethod
    def _log(ended: Sequence[Ended]) -> None:
        if done := Counter(one.state.value for one in ended if one.state in DONE):
            log.info("deliveries are done", **done)
        for one in ended:
            delivery = one.attempt.delivery
            facts = {
                "delivery_id": str(delivery.id),
                "booking_id": delivery.booking_id,
                "type": delivery.type,
                "receiver": delivery.receiver,
                "attempts": delivery.attempts,
                "answer": one.attempt.answer.words,
            }
            match one.state:
                case DeliveryState.PARKED:
                    log.error("a delivery is parked", **facts)
                case DeliveryState.WAITING:
                    log.warning("a delivery is tried again later", **facts)
                case _:
                    pass


def _reported(sender: Sender, connection: Connection, ended: Ended) -> None:
    sender.reported(connection, ended.attempt.delivery, ended.attempt.answer)


def _try(send: Callable[[Delivery], Answer], delivery: Delivery) -> Answer:
    try:
        return send(delivery)
    except Exception as problem:  # a bug, or the database in the middle: no fault of the receiver
        log.exception("a delivery could not be tried", delivery_id=str(delivery.id))
        return _ours(problem)


def _ours(problem: Exception) -> Answer:
    return try_again(f"a failure of ours: {type(problem).__name__}", is_receivers_fault=False)
