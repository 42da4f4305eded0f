"""The sweeps' tasks: ring for what nobody rang for, send the canary, fold the tally, tidy up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from celery import Celery

from core import bells
from core.broker import CANARY_EVERY_S, SERVE_LANES, SERVE_RELAY, SWEEP_CANARY, SWEEP_RING, SWEEP_TALLY, SWEEP_TIDY
from core.engine import sweep
from core.settings import Settings
from core.store.database import Connection, connect_lane
from core.store.tally import fold
from workers.ringing import Ringer, connect


def register(app: Celery, settings: Settings) -> None:
    def ringer(client: redis.Redis, group: str, task: str) -> Ringer:
        return Ringer(client, group, lambda: app.send_task(task, retry=False))

    @app.task(name=SWEEP_RING)
    def ring() -> int:
        """Ring every lane that has undecided commands, and the relay if events wait."""
        with _database(settings) as connection, _redis(settings) as client:
            return _ring(connection, ringer(client, bells.LANES, SERVE_LANES), ringer(client, bells.RELAY, SERVE_RELAY))

    @app.task(name=SWEEP_CANARY)
    def canary() -> int | None:
        """Send a canary through the whole pipeline; `/readyz` tells how long ago one arrived."""
        with _database(settings) as connection, _redis(settings) as client:
            lane = sweep.send_canary(connection, int(time.time() // CANARY_EVERY_S))
            if lane is not None:
                ringer(client, bells.LANES, SERVE_LANES).ring([bells.lane_bell(lane)])
            return lane

    @app.task(name=SWEEP_TALLY)
    def tally() -> int:
        """Fold the bookings' changes into the tally by day."""
        with _database(settings) as connection:
            return fold(connection)

    @app.task(name=SWEEP_TIDY)
    def tidy() -> None:
        with _database(settings) as connection:
            sweep.tidy(connection)


def _ring(connection: Connection, lanes: Ringer, relay: Ringer) -> int:
    found = sweep.look(connection)
    if found.lanes:
        lanes.ring(bells.lane_bell(lane) for lane in found.lanes)
        lanes.call()
    if found.unnumbered:
        relay.ring([bells.RELAY_BELL])
        relay.call()
    return len(found.lanes)


@contextmanager
def _database(settings: Settings) -> Iterator[Connection]:
    with connect_lane(settings.database_url, "holdfast sweep") as connection:
        yield connection


@contextmanager
def _redis(settings: Settings) -> Iterator[redis.Redis]:
    client = connect(settings.redis_url)
    try:
        yield client
    finally:
        client.close()
