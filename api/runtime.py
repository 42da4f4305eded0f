"""One API process's collaborators: made once, opened at start-up, closed at shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from api.commands.commands import Commands
from api.commands.inbox_writer import InboxWriter
from api.commands.outcome_waiter import OutcomeWaiter
from api.events.event_follower import EventFollower
from api.http.request_metrics import RequestMetrics
from api.installation import InstallationWatch
from api.limits.undecided_writes import UndecidedCounter
from api.limits.write_limits import WriteLimits
from api.process_metrics import ProcessMetrics
from api.reads.kept_answers import KeptAnswers
from api.reads.public_reads import PublicReads
from api.server.gunicorn_worker import AT_STOP
from core.metrics.meter import Meter
from core.settings import Settings
from core.store.connections.bounded import InDoubt, bounded
from core.store.connections.database import API_LIMITS, LIST_LIMITS
from core.store.connections.pool import Pool
from core.store.connections.sqlalchemy_engines import async_engine
from core.store.reads.shared_reads import SharedReads
from core.tracing import process as tracing
from core.wakeup.lane_waker import LaneWaker
from core.wakeup.task_sender import TaskSender

log = structlog.get_logger()

Closing = Callable[[], Awaitable[None]]

POOL_MAX = 8
POOL_WAIT_S = 3.0
ENGINE_POOL = 4
REDIS_TIMEOUT_S = 3.0


class Runtime:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.meter = Meter()
        self.request_metrics = RequestMetrics(self.meter)
        keys = settings.redis_keys
        self.in_doubt = InDoubt()
        connection_class = bounded(self.in_doubt)
        self.pool = Pool(
            settings.database_url,
            API_LIMITS,
            "holdfast api",
            connection_class=connection_class,
            min_size=2,
            max_size=POOL_MAX,
            timeout_s=POOL_WAIT_S,
            kwargs={"autocommit": True, "prepare_threshold": 2},
        )
        self.shared_reads = SharedReads(settings.database_url, connection_class)
        self.reads = PublicReads(self.shared_reads, KeptAnswers())
        self.installation = InstallationWatch(self.pool, settings.time_zone)
        self.engine = async_engine(
            settings.database_url,
            LIST_LIMITS,
            "holdfast api lists",
            connection_class,
            pool_size=ENGINE_POOL,
            max_overflow=0,
            pool_timeout=POOL_WAIT_S,
            pool_pre_ping=True,
            isolation_level="AUTOCOMMIT",
        )
        self.redis = redis.asyncio.Redis.from_url(
            settings.redis_url,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),
        )
        self.outcomes = OutcomeWaiter(self.pool, self.redis, keys)
        self.events = EventFollower(self.pool, settings.redis_url, keys)
        self.tasks = TaskSender(settings.redis_url, keys.prefix)
        self.lane_waker = LaneWaker(self.redis, self.tasks.send, keys)
        self.inbox = InboxWriter(settings.database_url, self.lane_waker.lanes, self.in_doubt)
        self.undecided = UndecidedCounter(settings.undecided_per_user, self.pool)
        self.write_limits = WriteLimits(settings.redis_url, keys, settings.anonymous_writes_per_minute)
        self.commands = Commands(self.inbox, self.outcomes, self.pool, self.undecided, self.write_limits.follow)
        self.outcomes.on_decided = self._on_decided
        self._process_metrics = ProcessMetrics(
            self.meter, self.pool, self.engine, lambda: self.outcomes.awaited, lambda: len(self.in_doubt)
        )

        self._closings: list[Closing] = []

    def _on_decided(self, command_id: bytes, status: int) -> None:
        self.undecided.settle(command_id)
        self.write_limits.decided(command_id, status)

    def at_shutdown(self, closing: Closing) -> None:
        """Also close this at the process's end."""
        self._closings.append(closing)

    async def process_startup(self, scope: dict[str, Any], _event: dict[str, Any]) -> None:
        """Falcon's lifespan hook. A database that is not there yet delays nothing: requests are answered 503."""
        scope["state"].setdefault(AT_STOP, []).extend((self.outcomes.end_waits, self.events.end_waits))
        tracing.start(self.settings.traces, "api")
        await self.pool.open(wait=False)
        await self.installation.open()
        await self.inbox.open()
        await self.outcomes.open()
        self._process_metrics.start()

    async def process_shutdown(self, _scope: dict[str, Any], _event: dict[str, Any]) -> None:
        self._process_metrics.stop()
        for closing in self._closings:
            await closing()
        await self.inbox.close()
        self.in_doubt.close()
        await self.outcomes.close()
        await self.events.close()
        await self.shared_reads.close()
        await self.installation.close()
        await self.pool.close()
        await self.engine.dispose()
        await self.write_limits.close()
        await self.redis.aclose()
        await asyncio.to_thread(tracing.stop)
