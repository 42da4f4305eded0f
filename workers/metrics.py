"""What the workers count. In a prefork pool the children count and the main process serves the sums."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

from prometheus_client import CollectorRegistry

from core.domain.commands import ActorKind, Envelope, RequestPayment, name_of
from core.domain.events import PaymentChanged, PaymentMade
from core.domain.payments.values import PaymentState
from core.engine.lane import VisitResult
from core.metrics import shared_files
from core.metrics.definitions import (
    BATCH_SECONDS,
    BATCH_SIZE,
    DECIDED,
    DELIVERY_DELAY,
    DELIVERY_SECONDS,
    PAYMENT_JOB_SECONDS,
    PAYMENTS_CHANGED,
    ROWS_DELETED,
    VISITS_FAILED,
    WAIT_SECONDS,
)
from core.metrics.meter import Meter, PoolGauges
from core.metrics.scrape_server import serve_metrics
from core.metrics.system_state import SystemState
from core.settings import Settings
from core.store.inbox.outcomes import DEFERRED
from core.store.inbox.reading import KNOWN_TYPES
from core.store.maintenance.retention import KEPT
from core.wakeup.keys import DELIVERIES, PAYMENTS, SWEEPS

METER = Meter()
"""This process's own, and after a fork the child's: nothing may be made in it before."""
OUTCOMES = ("succeeded", "rejected", "failed")
UNDECODED = "undecoded"
"""The type of a parked command whose body names none that we know."""


def begin(settings: Settings, worker: Any) -> None:
    """In a Celery worker's main process, before its pool starts."""
    if settings.metrics_port is None:
        return
    registry: CollectorRegistry = shared_files.share() if forks(worker) else METER.registry
    queues = worker.app.amqp.queues.consume_from
    if SWEEPS in queues:
        registry.register(SystemState(settings))
        deleted_rows()
    if PAYMENTS in queues:
        payment_metrics()
    if DELIVERIES in queues:
        delivery_metrics()
    serve_metrics(settings, registry)


def forks(worker: Any) -> bool:
    """Celery's command line has resolved the pool's name by now."""
    return "prefork" in getattr(worker.pool_cls, "__module__", str(worker.pool_cls))


class LaneMetrics:
    """Counts each visit once it is committed. All counters begin at 0, so that a rate sees even the first event."""

    def __init__(self, meter: Meter) -> None:
        self._size = meter.histogram(BATCH_SIZE)
        self._seconds = meter.histogram(BATCH_SECONDS)
        self._failed = meter.counter(VISITS_FAILED)
        decided, waits, payments = (
            meter.counter(DECIDED),
            meter.histogram(WAIT_SECONDS),
            meter.counter(PAYMENTS_CHANGED),
        )
        self._decided = {(type_, end): decided.labels(type_, end) for type_ in KNOWN_TYPES for end in OUTCOMES}
        self._undecoded = decided.labels(UNDECODED, "failed")
        self._waits = {sender: waits.labels(sender) for sender in ("request", "bulk", "engine")}
        self._payments = {state: payments.labels(state.value) for state in PaymentState}

    def visited(self, result: VisitResult, seconds: float) -> None:
        if result.parked:
            self._undecoded.inc(len(result.parked))
        if not result.decided:
            return
        self._size.observe(len(result.decided))
        self._seconds.observe(seconds)
        answered = [one for one in result.decided if one.outcome is not DEFERRED]
        ends = Counter((type(one.envelope.command), one.outcome.status) for one in answered)
        for (kind, status), number in ends.items():
            self._decided[name_of(kind), status].inc(number)
        if result.decided_at is not None:
            for one in answered:
                if not isinstance(one.envelope.command, RequestPayment):  # answered by Stripe's answer
                    waited_s = (result.decided_at - one.envelope.accepted_at).total_seconds()
                    self._waits[_sender(one.envelope)].observe(waited_s)
        for one in result.decided:
            for event in one.events:
                if isinstance(event, PaymentMade | PaymentChanged):
                    self._payments[event.payment.state].inc()

    def failed(self) -> None:
        self._failed.inc()


def _sender(envelope: Envelope) -> str:
    if envelope.bulk_id is not None:
        return "bulk"
    return "engine" if envelope.actor.kind is ActorKind.ENGINE else "request"


class PaymentMetrics:
    """What was done at Stripe: by the payment's state, `compare` or `ping`."""

    def __init__(self, meter: Meter, pools: PoolGauges) -> None:
        self._seconds = meter.histogram(PAYMENT_JOB_SECONDS)
        self.pools = pools

    def done(self, job: str, outcome: str, seconds: float) -> None:
        """`outcome` is answered, away or failed."""
        self._seconds.labels(job, outcome).observe(seconds)


class DeliveryMetrics:
    """What was sent, and what became of it: `sent`, `waiting` for another attempt, `parked`, `dropped`, or `lost` to
    another worker.
    """

    def __init__(self, meter: Meter, pools: PoolGauges) -> None:
        self._seconds = meter.histogram(DELIVERY_SECONDS)
        self._delay = meter.histogram(DELIVERY_DELAY)
        self.pools = pools

    def attempted(self, sender: str, state: str, seconds: float) -> None:
        self._seconds.labels(sender, state).observe(seconds)

    def arrived(self, sender: str, seconds: float) -> None:
        """At the first attempt, so long after what it tells happened."""
        self._delay.labels(sender).observe(seconds)


@cache
def _pools() -> PoolGauges:
    """Of all queues that one process serves."""
    return PoolGauges(METER)


@cache
def delivery_metrics() -> DeliveryMetrics:
    return DeliveryMetrics(METER, _pools())


@cache
def lane_metrics() -> LaneMetrics:
    """Made once in each process, as lane servers come and go."""
    return LaneMetrics(METER)


@cache
def payment_metrics() -> PaymentMetrics:
    return PaymentMetrics(METER, _pools())


@cache
def deleted_rows() -> dict[str, Any]:
    """The counters by table."""
    rows = METER.counter(ROWS_DELETED)
    return {rule.table: rows.labels(rule.table) for rule in KEPT}


def note_deleted(rows: dict[str, int]) -> None:
    for table, number in rows.items():
        deleted_rows()[table].inc(number)
