"""What one process, the sweeps worker, reads from PostgreSQL and Redis for all.

Read at a scrape, but not at every one: two Prometheus servers cost no more than one. What cannot be
read is not served: an old number would hide the outage.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import psycopg
import redis
import structlog
from prometheus_client import Metric as Family
from prometheus_client.core import GaugeMetricFamily

from core.metrics import definitions as d
from core.metrics.definitions import Metric
from core.settings import Settings
from core.store.connections.database import API_LIMITS, Connection, connect
from core.store.measurements import Measurements, measure
from core.store.server_statistics import ServerStatistics, read_statistics

log = structlog.get_logger()

T = TypeVar("T")

STATE_FRESH_S = 5.0
STATISTICS_FRESH_S = 30.0
"""Sizes of tables are read from their files, and change slowly."""
REDIS_TIMEOUT_S = 2.0
READ_WITHIN_S = 4.0
"""Together less than the ten seconds that Prometheus waits."""
LIMITS = {**API_LIMITS, "statement_timeout": "3s", "default_transaction_read_only": "on"}

Sample = tuple[Sequence[str], float]


class SystemState:
    """A collector for prometheus-client's registry."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.database_url
        self._redis = redis.Redis.from_url(
            settings.redis_url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S
        )
        self._connection: Connection | None = None
        self._lock = threading.Lock()
        thread = ThreadPoolExecutor(1, thread_name_prefix="metrics")
        self._state = _Cached(self._measure, STATE_FRESH_S, thread)
        own = _Cached(self._read_statistics, STATISTICS_FRESH_S, thread)
        self._statistics = own if settings.metrics_postgresql else None

    def collect(self) -> Iterator[Family]:
        with self._lock:
            state = self._state.value()
            statistics = self._statistics.value() if self._statistics and state else None
            redis_is_up = self._redis_answers()
        yield family(d.DATABASE_UP, [((), float(state is not None))])
        yield family(d.REDIS_UP, [((), float(redis_is_up))])
        if state is not None:
            yield from state_families(state)
        if statistics is not None:
            yield from statistics_families(statistics)

    def describe(self) -> Iterator[Family]:
        """Without reading anything: the registry asks when the collector is added."""
        wanted = (d.DATABASE_UP, d.REDIS_UP, *d.STATE, *(d.POSTGRESQL if self._statistics else ()))
        return (family(metric, ()) for metric in wanted)

    def _measure(self) -> Measurements | None:
        return self._read(measure)

    def _read_statistics(self) -> ServerStatistics | None:
        return self._read(read_statistics)

    def _read(self, read: Callable[[Connection], T]) -> T | None:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = connect(self._url, LIMITS, "holdfast metrics")
            return read(self._connection)
        except (psycopg.Error, ValueError) as problem:  # ValueError: the feed's row is missing
            log.warning("metrics cannot be read from the database", problem=repr(problem))
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            return None

    def _redis_answers(self) -> bool:
        try:
            return bool(self._redis.ping())
        except redis.RedisError:
            return False


class _Cached(Generic[T]):
    """A value that is read again when it is no longer fresh.

    A failure is remembered too, so that scrapes do not pile up behind it. Read in a thread: a server that was stopped, or whose storage hangs, answers nothing, not even that it is too late.
    """

    def __init__(self, read: Callable[[], T | None], fresh_s: float, thread: Executor) -> None:
        self._read = read
        self._fresh_s = fresh_s
        self._thread = thread
        self._reading: Future[T | None] | None = None
        self._value: T | None = None
        self._read_at = float("-inf")

    def value(self) -> T | None:
        if self._reading is None and time.monotonic() - self._read_at > self._fresh_s:
            self._reading = self._thread.submit(self._read)
            self._wait(READ_WITHIN_S)
        else:
            self._wait(0.0)
        return self._value

    def _wait(self, within_s: float) -> None:
        if self._reading is None:
            return
        try:
            self._value = self._reading.result(within_s)
        except TimeoutError:
            self._value = None  # the read goes on, and no other is begun beside it
        else:
            self._reading, self._read_at = None, time.monotonic()


def family(metric: Metric, samples: Sequence[Sample]) -> GaugeMetricFamily:
    made = GaugeMetricFamily(metric.name, metric.what, labels=metric.labels)
    for labels, value in samples:
        made.add_metric(labels, value)
    return made


def state_families(state: Measurements) -> Iterator[Family]:
    pulse = state.pulse
    ages = {"lanes": pulse.lanes_canary_age_s, "notifier": pulse.notifier_canary_age_s}
    yield family(d.CANARY_AGE, [((stage,), age) for stage, age in ages.items() if age is not None])
    yield family(d.LANE_LAG, _one(pulse.lane_lag_s))
    yield family(d.INBOX_COMMANDS, _by(state.inbox))
    yield family(d.PUT_OFF, _one(pulse.commands_put_off))
    yield family(d.FOR_NEWER, _one(pulse.commands_for_newer_workers))
    yield family(d.HOLDS, _by({"standing": state.holds, "lapsed": state.holds_lapsed}))
    yield family(d.PAYMENTS_DUE, _by(state.payments))
    yield family(d.PAYMENTS_LAG, _one(pulse.payments_lag_s))
    yield family(d.PAYMENTS_PARKED, _one(pulse.payments_parked))
    yield family(d.PAYMENTS_DIFFERING, _one(state.payments_differing))
    yield family(d.CIRCUIT_OPEN, _one(pulse.payments_circuit_is_open))
    senders = state.deliveries.senders
    yield family(d.DELIVERIES_WAITING, _by({one.sender: one.waiting for one in senders}))
    yield family(d.DELIVERIES_OLDEST, _by({one.sender: one.oldest_s for one in senders}))
    yield family(d.DELIVERIES_PARKED, _by({one.sender: one.parked for one in senders}))
    yield family(d.DELIVERIES_LAG, _one(state.deliveries.lag_s))
    yield family(d.BUSY_CALENDARS, _by(state.deliveries.busy_calendars))
    yield family(d.PLANNER_LAG, _by({one.sender: one.unplanned_events for one in senders}))
    yield family(d.DELIVERIES_MISSED, _by({one.sender: one.missed_events for one in senders}))
    yield family(d.FEED_HEAD, _one(state.feed_head))
    yield family(d.RELAY_LAG, _one(state.relay_lag_s))
    yield family(d.RETENTION_LAG, _one(pulse.retention_lag_s))


def statistics_families(found: ServerStatistics) -> Iterator[Family]:
    yield family(d.PG_DEAD_ROWS, _by({one.table: one.dead_rows for one in found.tables}))
    yield family(d.PG_LIVE_ROWS, _by({one.table: one.live_rows for one in found.tables}))
    yield family(d.PG_TABLE_BYTES, _by({one.table: one.size_bytes for one in found.tables}))
    yield family(d.PG_DATABASE_BYTES, _one(found.database_bytes))
    yield family(d.PG_OLDEST_TRANSACTION, _one(found.oldest_transaction_s))
    yield family(d.PG_CONNECTIONS, _one(found.connections))
    yield family(d.PG_CONNECTIONS_MAX, _one(found.connections_max))
    yield family(d.PG_STANDBYS, _one(found.standbys))
    yield family(d.PG_WAL_RETAINED, _one(found.wal_retained_bytes))
    yield family(d.PG_REPLAY_LAG, _one(found.replay_lag_bytes))


def _one(value: float) -> list[Sample]:
    return [((), float(value))]


def _by(values: Mapping[str, float]) -> list[Sample]:
    return [((name,), float(value)) for name, value in values.items()]
