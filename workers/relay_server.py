"""The relay's task: numbers committed events and tells the feed's readers.

It also remembers in Redis how far the feed came. A database that is behind that was restored, and gets a new epoch.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import psycopg
import redis
from celery import Celery

from core.settings import Settings
from core.store.connections.database import Connection, connect_lane
from core.store.deliveries.cursors import any_sender
from core.store.feed import NOWHERE, Position, number_events, present_epoch, traces_between
from core.tracing import spans
from core.tracing.context import context_of
from core.tracing.spans import Span, SpanKind, Value, child_of
from core.wakeup.keys import DELIVERIES, NO_PREFIX, RELAY, SERVE_RELAY, Keys
from workers.serve_loop import Answer, Server

PACE_S = 0.03
"""Between two numberings, so that a busy moment's batches are numbered in one transaction."""
FEED_REMEMBERED_S = 30 * 86_400
SENDERS_KNOWN_S = 2.0
"""How long it is believed that some sender has something to do, or that none has."""

FEED_TELL_SCRIPT = """
local found = redis.call('GET', KEYS[1]) or ''
local known = #found <= 18 and tonumber(string.match(found, '^%d+$')) or 0
if tonumber(ARGV[1]) >= known then redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) end
redis.call('PUBLISH', ARGV[3], ARGV[4])
return known
"""
"""KEYS: the epoch's memory. ARGV: number, how long to remember it (s), channel, position.
Remembers the furthest number, publishes the position, and returns the number known before. What is no number of
at most 18 digits counts as 0."""

_POSITION = re.compile(r"[0-9]{1,18}")
"""What `FEED_TELL_SCRIPT` stores. Another value must not stop the feed."""


_serving = threading.Lock()
"""Held by the one relay server of this process."""


def register(app: Celery, settings: Settings) -> None:
    @app.task(name=SERVE_RELAY)
    def serve() -> int:
        """Relay until nothing comes any more; 0 at once while this process has another relay server.

        The sweep calls whenever events wait. While many come, servers that stay beside the first
        would take one place of the pool after another, until no sweep finds one.
        """
        if not _serving.acquire(blocking=False):
            return 0
        try:
            return RelayServer(app, settings).run()
        finally:
            _serving.release()


class RelayServer(Server):
    group = RELAY

    def __init__(self, app: Celery, settings: Settings) -> None:
        super().__init__(app, settings)
        self._memory = FeedMemory(self._redis, self._keys)
        self._connection: Connection | None = connect_lane(settings.database_url, "holdfast relay")
        self._deliveries = self._waker_of(DELIVERIES)
        self._any_sender, self._senders_asked_at = False, float("-inf")

    def _bells(self) -> list[str]:
        return [self._keys.relay_bell]

    def _answer(self, rung: Sequence[str]) -> Answer:
        try:
            connection = self._connected()
            self._memory.load_once(connection)
            before, began_ns = self._memory.known, time.time_ns()
            more = relay(connection, self._memory.publish, before)
            if more and spans.is_on():
                record_numbering(connection, before, self._memory.known, began_ns)
            if more and self._has_senders(connection):
                self._deliveries.ring([self._keys.deliveries_bell])
        except psycopg.Error as problem:
            self._recover(problem)
            return Answer(ring_again=rung)
        time.sleep(PACE_S)
        return Answer(ring_again=rung if more else [])

    def _has_senders(self, connection: Connection) -> bool:
        """Whether anything is planned from the feed. Where nothing is, the delivery workers are left alone."""
        if time.monotonic() - self._senders_asked_at > SENDERS_KNOWN_S:
            self._any_sender, self._senders_asked_at = any_sender(connection), time.monotonic()
        return self._any_sender

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = connect_lane(self._settings.database_url, "holdfast relay")
        self._check_schema(self._connection)
        return self._connection

    def _disconnect(self) -> None:
        with suppress(psycopg.Error):
            if self._connection is not None:
                self._connection.close()
        self._connection = None
        self._memory.expect_another_database()


def relay(connection: Connection, publish: Callable[[Position], None], known: Position | None = None) -> bool:
    """Number what waits and publish the new head; True if there was something.

    Readers read the table, so a lost message only makes them slower. `known` is the furthest head that was ever
    published: a table that is behind it was restored (`number_events`).
    """
    head = number_events(connection, known)
    if head is None:
        return False
    publish(head)
    return True


def record_numbering(connection: Connection, before: Position, head: Position, began_ns: int) -> None:
    """Spans for those of the newly numbered events that belong to a sampled request."""
    ended_ns = time.time_ns()
    if before.epoch != head.epoch:
        return
    numbered = head.number - before.number
    for traceparent in traces_between(connection, before.number, head.number):
        parent = context_of(traceparent)
        attributes: dict[str, Value] = {"holdfast.events": numbered}
        spans.record(Span("feed", child_of(parent), parent.span_id, SpanKind.PRODUCER, began_ns, ended_ns, attributes))


class FeedMemory:
    """Publishes the feed's head on Redis, and knows the furthest head that any relay has published.

    If Redis loses it or does not answer, a restore is left to `feed.origin` and the notifiers to notice.
    """

    def __init__(self, client: redis.Redis, keys: Keys = NO_PREFIX) -> None:
        self._redis = client
        self._keys = keys
        self._is_loaded = False
        self.known = NOWHERE

    def load(self, connection: Connection) -> None:
        """Read what Redis remembers of this database's epoch. Call it before a connection first numbers events."""
        epoch = present_epoch(connection)
        with suppress(redis.RedisError):
            found = self._redis.get(self._keys.feed_memory(epoch))
            if isinstance(found, str) and _POSITION.fullmatch(found):
                self._note(Position(epoch, int(found)))
            self._is_loaded = True

    def load_once(self, connection: Connection) -> None:
        if not self._is_loaded:
            self.load(connection)

    def expect_another_database(self) -> None:
        """The next connection may lead to another database."""
        self._is_loaded = False

    def publish(self, head: Position) -> None:
        self._note(head)
        with suppress(redis.RedisError):
            arguments = (head.number, FEED_REMEMBERED_S, self._keys.feed_channel, head)
            known = self._redis.eval(FEED_TELL_SCRIPT, 1, self._keys.feed_memory(head.epoch), *map(str, arguments))
            self._note(Position(head.epoch, int(known)))

    def _note(self, seen: Position) -> None:
        if seen.epoch != self.known.epoch or seen.number > self.known.number:
            self.known = seen
