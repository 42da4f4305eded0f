"""Waiting for outcomes: Redis makes it fast, PostgreSQL makes it certain.

Workers publish on this process's channel right after their commit. Outcomes that have not come after a
moment are also read from the database, all at once, a few times a second: a lost message, another
process's command or a Redis outage costs a quarter of a second.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID, uuid4

import msgspec
import psycopg
import redis.asyncio
import structlog
from msgspec import Struct
from redis.exceptions import RedisError

from core.ended_tasks import end
from core.store.connections.pool import Pool
from core.store.inbox.outcomes import read_answers
from core.wakeup.keys import NO_PREFIX, Keys
from core.wakeup.reasons import RedisReason, reason_of

log = structlog.get_logger()

POLL_S = 0.25
REDIS_RETRY_S = 0.5
REDIS_PING_S = 2.0

_decode = msgspec.msgpack.Decoder(list[tuple[bytes, int, bytes]]).decode


class Answer(Struct, frozen=True):
    """A command's HTTP answer."""

    status: int
    body: bytes


class _Waiter(Struct, frozen=True):
    since: float
    future: asyncio.Future[Answer | None]


class OutcomeWaiter:
    """All waiting requests of this process."""

    def __init__(self, pool: Pool, client: redis.asyncio.Redis, keys: Keys = NO_PREFIX) -> None:
        self.reply_to = uuid4().hex
        """The name under which workers find this process."""
        self.redis_is_up = False
        self.redis_is_down = False
        """Known to be down: a process that has just started knows neither."""
        self.redis_reason = RedisReason.NO_ANSWER
        """Why it is not up."""
        self._pool = pool
        self._redis = client
        self._keys = keys
        self._waiters: defaultdict[bytes, list[_Waiter]] = defaultdict(list)
        """By command id, as bytes as in messages: making a `UUID` costs as much as answering."""
        self._tasks: list[asyncio.Task[None]] = []
        self._is_ending = False
        self.on_decided: Callable[[bytes, int], None] = lambda _id, _status: None
        """Called with the id and HTTP status of each outcome that arrives, whether or not a request waits for it."""

    @property
    def awaited(self) -> int:
        """How many commands requests wait for."""
        return len(self._waiters)

    async def open(self) -> None:
        self._tasks = [
            asyncio.create_task(self._listen(), name="outcomes from redis"),
            asyncio.create_task(self._poll(), name="outcomes from postgresql"),
        ]

    async def close(self) -> None:
        await end(*self._tasks)

    def expect(self, command_id: UUID) -> asyncio.Future[Answer | None]:
        """A future for a command's answer. Register before the command is accepted; `forget` after.

        Its result is None when this process ends: waiting is over, the command goes on.
        """
        future: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        if self._is_ending:
            future.set_result(None)
        self._waiters[command_id.bytes].append(_Waiter(time.monotonic(), future))
        return future

    def end_waits(self) -> None:
        """The process was asked to stop: requests that wait, now or from now on, are answered 202."""
        self._is_ending = True
        for command_id in list(self._waiters):
            self._resolve(command_id, None)

    def forget(self, command_id: UUID, future: asyncio.Future[Answer | None]) -> None:
        key = command_id.bytes
        left = [waiter for waiter in self._waiters.get(key, ()) if waiter.future is not future]
        if left:
            self._waiters[key] = left
        else:
            self._waiters.pop(key, None)

    def _resolve(self, command_id: bytes, answer: Answer | None) -> None:
        for waiter in self._waiters.pop(command_id, ()):
            if not waiter.future.done():
                waiter.future.set_result(answer)

    async def _listen(self) -> None:
        while True:
            try:
                await self._subscribe()
            except (RedisError, OSError, msgspec.DecodeError) as problem:
                self.redis_is_up, self.redis_is_down = False, True
                self.redis_reason = reason_of(problem)
                log.warning("no outcomes from redis", problem=repr(problem))
                await asyncio.sleep(REDIS_RETRY_S)

    async def _subscribe(self) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(self._keys.outcome_channel(self.reply_to))
            self.redis_is_up, self.redis_is_down = True, False
            while True:
                message = await subscription.get_message(timeout=REDIS_PING_S)
                if message is None:
                    await subscription.ping()  # a silent connection may be a dead one
                elif message["type"] == "message":
                    for id_, status, body in _decode(message["data"]):
                        self.on_decided(id_, status)
                        self._resolve(id_, Answer(status, body))

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            before = time.monotonic() - POLL_S / 2
            ids = [UUID(bytes=id_) for id_, waiters in self._waiters.items() if any(w.since < before for w in waiters)]
            if ids:
                with suppress(psycopg.Error):
                    await self._read(ids)

    async def _read(self, ids: list[UUID]) -> None:
        async with self._pool.connection() as connection:
            for id_, http_status, response in await read_answers(connection, ids):
                self.on_decided(id_.bytes, http_status)
                self._resolve(id_.bytes, Answer(http_status, response.encode()))
