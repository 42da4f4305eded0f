"""The sweeps' tasks: ring for what waits, send what is due and the canary, fold the tally, tidy up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis
import structlog
from celery import Celery
from celery.exceptions import Ignore

from core.engine import retention as tidying
from core.engine import sweep
from core.engine.due_bookings import send_due
from core.identity.personal_data import erasure
from core.settings import Settings
from core.store.connections.database import Connection, connect_lane, connect_tidy
from core.store.lists import headcount
from core.store.lists import tally as bookings_tally
from core.store.revision import SchemaDoesNotFitError, SchemaWatch
from core.wakeup.bells import connect
from core.wakeup.broker import CANARY_EVERY_S, SWEEP_EVERY_S
from core.wakeup.keys import (
    DELIVERIES,
    LANES,
    PAYMENTS,
    RELAY,
    SWEEP_CANARY,
    SWEEP_DUE,
    SWEEP_RING,
    SWEEP_TALLY,
    SWEEP_TIDY,
)
from core.wakeup.waker import Waker, waker
from workers import shutdown
from workers.metrics import note_deleted

log = structlog.get_logger()

ERASE_FOR_S = 1.0
"""How long one sweep erases the data of deleted people; the next one goes on."""
DUE_PAUSE_S = 0.2
"""Between two rounds of what is due, so that the lanes have time for requests."""

_schema = SchemaWatch()
"""Shared by all tasks of this process, so that nothing is logged twice."""


def register(app: Celery, settings: Settings) -> None:
    def wake(client: redis.Redis, group: str) -> Waker:
        return waker(app, client, group, settings.redis_keys)

    @app.task(name=SWEEP_RING)
    def ring() -> int:
        """Ring every lane that has undecided commands, and the relay, the payments and the deliveries if something waits."""
        with _database(settings) as connection, _redis(settings) as client:
            return _ring(
                connection,
                wake(client, LANES),
                wake(client, RELAY),
                wake(client, PAYMENTS),
                wake(client, DELIVERIES),
            )

    @app.task(name=SWEEP_DUE)
    def due() -> int:
        """Send the lanes what is due by the clock, for up to a second while there is more."""
        with _database(settings) as connection, _redis(settings) as client:
            return _due(connection, wake(client, LANES))

    @app.task(name=SWEEP_CANARY)
    def canary() -> int | None:
        """Send a canary through the whole pipeline; `/readyz` tells how long ago one arrived."""
        with _database(settings) as connection, _redis(settings) as client:
            lane = sweep.send_canary(connection, int(time.time() // CANARY_EVERY_S))
            if lane is not None:
                lanes = wake(client, LANES)
                lanes.ring([lanes.keys.lane_bell(lane)])
            return lane

    @app.task(name=SWEEP_TALLY)
    def tally() -> int:
        """Fold changes of bookings and people into their tallies; go on erasing deleted people."""
        with _database(settings) as connection:
            folded = bookings_tally.fold(connection) + headcount.fold(connection)
            lanes = erasure.run(connection, ERASE_FOR_S).lanes
        if lanes:
            with _redis(settings) as client:
                lane_waker = wake(client, LANES)
                lane_waker.ring(lane_waker.keys.lane_bell(lane) for lane in sorted(lanes))
        return folded

    @app.task(name=SWEEP_TIDY)
    def tidy() -> dict[str, int] | None:
        """Delete rows that are too old until none is left. While one call runs, others do nothing."""
        return _tidy(settings)


def _ring(connection: Connection, lanes: Waker, relay: Waker, payments: Waker, deliveries: Waker) -> int:
    found = sweep.look(connection)
    if found.lanes:
        lanes.ring(lanes.keys.lane_bell(lane) for lane in found.lanes)
        lanes.call()
    if found.unnumbered:
        relay.ring([relay.keys.relay_bell])
        relay.call()
    if found.payments_due:
        payments.ring([payments.keys.payments_bell])
        payments.call()
    if found.deliveries_due:
        deliveries.ring([deliveries.keys.deliveries_bell])
        deliveries.call()
    return len(found.lanes)


def _due(connection: Connection, lanes: Waker) -> int:
    """The number of rounds."""
    until, rounds = time.monotonic() + SWEEP_EVERY_S - DUE_PAUSE_S, 0
    while True:
        sent, rounds = send_due(connection), rounds + 1
        if sent.lanes:
            lanes.ring(lanes.keys.lane_bell(lane) for lane in sorted(sent.lanes))
        if not sent.more or time.monotonic() > until:
            return rounds
        time.sleep(DUE_PAUSE_S)


def _tidy(settings: Settings) -> dict[str, int] | None:
    asked_to_stop = shutdown.watch()

    def rest(pause_s: float) -> bool:
        time.sleep(pause_s)
        return not asked_to_stop()

    started = time.monotonic()
    gone = tidying.tidy(lambda: connect_tidy(settings.database_url), rest)
    if gone is None:
        return None
    if gone.rows:
        note_deleted(gone.rows)
        log.info("tidied up", seconds=round(time.monotonic() - started, 1), **gone.rows)
    return gone.rows


@contextmanager
def _database(settings: Settings) -> Iterator[Connection]:
    """Raises Ignore while the schema does not fit: the next task of its kind looks again."""
    with connect_lane(settings.database_url, "holdfast sweep") as connection:
        try:
            _schema.check(connection)
        except SchemaDoesNotFitError as problem:
            raise Ignore from problem
        yield connection


@contextmanager
def _redis(settings: Settings) -> Iterator[redis.Redis]:
    client = connect(settings.redis_url)
    try:
        yield client
    finally:
        client.close()
