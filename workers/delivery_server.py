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
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

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
from core.store.deliveries.leases import Attempt, Failed, Next, give_back, lease_due, report
from core.store.deliveries.values import Answer, Delivery, DeliveryState, try_again
from core.store.feed import settle_origin
from core.wakeup.keys import DELIVERIES, SERVE_DELIVERIES
from workers import serve_loop
from workers.metrics import delivery_metrics

log = structlog.get_logger()

THREADS = 32
"""Deliveries under way at once, in one worker."""
CONNECTIONS = 8
"""Held for a moment before and after the network."""
FAILING_SHARE = 0.25
"""Of a sender's threads: for receivers whose last answer was a failure."""
LOOK_EVERY_S = 2.0
"""Without a ring."""
PAGES_AT_ONCE = 20
"""Planned before what is due is sent."""
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
        return DeliveryServer(app, settings, all_senders(settings)).run()


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

    def __init__(self, app: Celery, settings: Settings, senders: Sequence[Sender]) -> None:
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
        self._stays = True
        """Some sender has something to do. It is not known before the first look."""

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
        try:
            with self._pool.connection() as connection:
                self._check(connection)
                more = self._plan(connection)
                full = [self._send_due(connection, one) for one in self._senders]
                self._stays = any_sender(connection)
        except (psycopg.Error, PoolTimeout) as problem:
            self._recover(problem)
            return serve_loop.Answer(ring_again=rung)
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
        more = False
        for failing in (False, True):  # those that answer first
            free = self._threads.free(sender, failing=failing)
            taken = lease_due(connection, sender.name, free, sender.at_once, sender.lease_s, failing=failing)
            for one in taken:
                self._threads.take(sender.name, failing=failing)
                self._executor.submit(self._deliver, sender, one, time.monotonic(), failing=failing)
            more = more or bool(taken)
        return more

    def _deliver(self, sender: Sender, delivery: Delivery, leased_s: float, *, failing: bool) -> None:
        """On a thread of its own. A lease that it does not end runs out by itself."""
        try:
            with logs.bound(delivery_id=str(delivery.id), sender=sender.name, booking_id=delivery.booking_id):
                self._attempt(sender, delivery, leased_s)
        except (psycopg.Error, PoolTimeout) as problem:
            log.warning("an attempt was not written down: it is made again", problem=repr(problem))
        except Exception:  # nobody reads what a thread of the pool raises: what is not logged here is lost
            log.exception("the delivery worker failed")
        finally:
            self._threads.leave(sender.name, failing=failing)
            self._waker.ring(self._bells())  # a thread is free, and the receiver's next may go

    def _attempt(self, sender: Sender, delivery: Delivery, leased_s: float) -> None:
        started = time.monotonic()
        if started - leased_s > sender.lease_s * LATE_SHARE:
            with self._pool.connection() as connection:
                give_back(connection, delivery)
            return
        answer = self._send(sender, delivery)
        took_s = time.monotonic() - started
        with self._pool.connection() as connection:
            state = report(
                connection,
                Attempt(delivery, answer, took_s),
                self._after_failure(answer),
                partial(sender.reported, connection, delivery, answer),
            )
        self._metrics.attempted(sender.name, state or "lost", took_s)
        self._log(delivery, answer, state)

    def _send(self, sender: Sender, delivery: Delivery) -> Answer:
        try:
            return sender.send(self._pool.connection, delivery)
        except Exception as problem:  # a bug, or the database in the middle: no fault of the receiver
            log.exception("a delivery could not be tried")
            return try_again(f"a failure of ours: {type(problem).__name__}", is_receivers_fault=False)

    def _after_failure(self, answer: Answer) -> Callable[[Failed], Next]:
        chance = random.random()  # noqa: S311 - spreads load, guards nothing
        return lambda failed: after_failure(failed, self._pauses, chance, answer.retry_after_s)

    @staticmethod
    def _log(delivery: Delivery, answer: Answer, state: DeliveryState | None) -> None:
        facts = {"type": delivery.type, "receiver": delivery.receiver, "attempts": delivery.attempts}
        match state:
            case None:
                log.warning("a delivery went to another worker meanwhile", answer=answer.words, **facts)
            case DeliveryState.PARKED:
                log.error("a delivery is parked", answer=answer.words, **facts)
            case DeliveryState.WAITING:
                log.warning("a delivery is tried again later", answer=answer.words, **facts)
            case _:
                log.info("a delivery is done", state=state, answer=answer.words, **facts)
