"""The relay's task: numbers committed events and tells the feed's readers."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import psycopg
import structlog
from celery import Celery

from core.engine.relay import relay
from core.settings import Settings
from core.store.connections.database import connect_lane
from core.store.revision import SchemaDoesNotFitError, SchemaWatch
from core.wakeup import bells
from core.wakeup.broker import SERVE_RELAY
from workers import shutdown
from workers.feed_memory import FeedMemory
from workers.serve_loop import Answer, ServeLoop
from workers.wakeup import Listener, Waker, connect

log = structlog.get_logger()

PACE_S = 0.03
"""A breath between two numberings, so that a busy moment's batches go in one transaction."""
RECONNECT_PAUSE_S = 0.25

_serving = threading.Lock()
"""Held by the one relay server of this process."""


def register(app: Celery, settings: Settings) -> None:
    @app.task(name=SERVE_RELAY)
    def serve() -> int:
        """Relay until nothing comes any more; 0 at once while this process has another that does.

        The sweep calls whenever events wait. While many come, servers that linger beside the first
        would take one place of the pool after another, until no sweep finds one.
        """
        if not _serving.acquire(blocking=False):
            return 0
        try:
            return RelayServer(app, settings).run()
        finally:
            _serving.release()


class RelayServer:
    def __init__(self, app: Celery, settings: Settings) -> None:
        self._settings = settings
        self._redis = connect(settings.redis_url)
        self._keys = settings.redis_keys
        self._waker = Waker(self._redis, bells.RELAY, lambda: app.send_task(SERVE_RELAY, retry=False), self._keys)
        self._memory = FeedMemory(self._redis, self._keys)
        self._connection = connect_lane(settings.database_url, "holdfast relay")
        self._schema = SchemaWatch()
        self._fits = False

    def run(self) -> int:
        linger = ServeLoop(
            Listener(self._redis, bells.RELAY, self._keys),
            bells=lambda: [self._keys.relay_bell],
            answer=lambda _: self._relay(),
            ring=self._waker.ring,
            look=lambda: [self._keys.relay_bell],
            shutdown=shutdown.watch(),
        )
        try:
            return linger.run()
        finally:
            self._connection.close()
            self._redis.close()

    def _relay(self) -> Answer:
        try:
            if not self._fits:
                self._schema.check(self._connection)
                self._fits = True
            self._memory.load_once(self._connection)
            more = relay(self._connection, self._memory.publish, self._memory.known)
        except psycopg.Error as problem:
            if not isinstance(problem, SchemaDoesNotFitError):
                log.warning("the database failed the relay, connecting again", problem=repr(problem))
            self._fits = False
            self._reconnect()
            return Answer(ring_again=[self._keys.relay_bell])
        time.sleep(PACE_S)
        return Answer(ring_again=[self._keys.relay_bell] if more else [])

    def _reconnect(self) -> None:
        with suppress(psycopg.Error):
            self._connection.close()
        self._memory.expect_another_database()
        time.sleep(RECONNECT_PAUSE_S)
        with suppress(psycopg.Error):
            self._connection = connect_lane(self._settings.database_url, "holdfast relay")
