"""One Celery task a command, prefork 2, the request waits: how such backends are usually built.

The task carries the whole command and its outcome comes back over Redis as the pipeline's do,
which is faster than a Celery result backend. `worker.py` is the worker's entry.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import msgspec
import psycopg
import redis
import structlog
from celery import Celery, signals
from msgspec.structs import replace
from psycopg.errors import ExclusionViolation

from api.commands.outcome_waiter import Answer, OutcomeWaiter
from core.domain.commands import Envelope
from core.logs import configure
from core.settings import Settings, from_environment
from core.store.connections.database import API_LIMITS, connect
from core.store.save import Decided
from core.wakeup.keys import NO_PREFIX
from core.wire.outcomes import encode
from tests.benchmarks.baselines.create import Create, CreateForPhone
from tests.benchmarks.baselines.one import decide_one, read, taken

TASK = "bench.book"
QUEUE = "bench"
WAIT_S = 10.0
LOST = Answer(503, b'{"error":"no outcome within the wait"}')

log = structlog.get_logger()
_decode = msgspec.json.Decoder(Envelope).decode
_pack = msgspec.msgpack.Encoder().encode


def celery_app(redis_url: str) -> Celery:
    """Late acknowledgement, or a killed worker would lose bookings that were accepted."""
    app = Celery("bench", broker=redis_url, set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE,
        task_ignore_result=True,
        task_acks_late=True,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
    )
    return app


class PerCommand(Create):
    def __init__(self, outcomes: OutcomeWaiter, settings: Settings) -> None:
        self._outcomes = outcomes
        self._celery = celery_app(settings.redis_url)

    async def book(self, envelope: Envelope) -> Answer:
        message = encode(replace(envelope, reply_to=self._outcomes.reply_to)).decode()
        future = self._outcomes.expect(envelope.id)
        try:
            await asyncio.to_thread(self._celery.send_task, TASK, (message,))
            async with asyncio.timeout(WAIT_S):
                return await future or LOST
        except TimeoutError:
            return LOST
        finally:
            self._outcomes.forget(envelope.id, future)


class PerCommandForPhone(CreateForPhone, PerCommand):
    """The same, asked as agents ask."""


class Booker:
    """A worker process's connections, opened at its first task."""

    def __init__(self, settings: Settings) -> None:
        self._allow_past = settings.allow_past
        self._redis = redis.Redis.from_url(settings.redis_url)
        self._connection: psycopg.Connection[tuple[Any, ...]] = connect(
            settings.database_url, API_LIMITS, "holdfast per command"
        )
        self._connection.prepare_threshold = 0

    def book(self, envelope: Envelope) -> None:
        row = self._connection.execute(*read(envelope)).fetchone()
        assert row is not None
        write = decide_one(row, envelope, allow_past=self._allow_past)
        try:
            self._connection.execute(write.sql, write.parameters)
        except ExclusionViolation:
            write = taken(envelope, row[-1])
            self._connection.execute(write.sql, write.parameters)
        self._tell(write.decided)

    def _tell(self, decided: Decided) -> None:
        envelope, outcome = decided.envelope, decided.outcome
        log.info("command decided", request_id=envelope.request_id, command_id=str(envelope.id), status=outcome.status)
        if envelope.reply_to is not None:
            entry = (envelope.id.bytes, outcome.http_status, outcome.body)
            self._redis.publish(NO_PREFIX.outcome_channel(envelope.reply_to), _pack([entry]))


def worker() -> Celery:
    """What `celery worker` serves."""
    settings = from_environment()
    app = celery_app(settings.redis_url)
    bookers: dict[int, Booker] = {}

    def book(message: str) -> None:
        booker = bookers.get(os.getpid())
        if booker is None:
            booker = bookers[os.getpid()] = Booker(settings)
        booker.book(_decode(message))

    def log_as_json(**_: Any) -> None:
        configure(settings.log_level, "per command")

    app.task(name=TASK)(book)
    signals.setup_logging.connect(log_as_json, weak=False)
    return app
