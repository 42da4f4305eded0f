"""`POST /api/cleanup-expired-bookings` wakes the sweep (docs/contracts/rooms.md).

Anybody may call it as often as they like: it takes no input and wakes the sweep once in `WAKE_EVERY_S` at most.
Holds end by themselves within seconds anyway.
"""

from __future__ import annotations

import asyncio

import falcon.asgi
import redis.asyncio
from msgspec import Struct
from redis.exceptions import RedisError

from api.http.errors import unavailable
from api.http.responses import respond
from api.openapi import operation
from core.wakeup.keys import SWEEP_DUE, Keys
from core.wakeup.task_sender import BrokerAwayError, TaskSender

WAKE_EVERY_S = 5


class CleaningUp(Struct, frozen=True):
    message: str = "Expired bookings are being cleaned up"


class CleanUp:
    def __init__(self, client: redis.asyncio.Redis, tasks: TaskSender, keys: Keys) -> None:
        self._redis = client
        self._keys = keys
        self._tasks = tasks

    @operation("Look for expired bookings now", answers={200: CleaningUp})
    async def on_post(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        try:
            if await self._redis.set(self._keys.cleanup_mark, 1, nx=True, ex=WAKE_EVERY_S):
                await asyncio.to_thread(self._tasks.send, SWEEP_DUE)
        except (RedisError, BrokerAwayError, OSError):
            raise unavailable("Expired bookings cannot be looked for right now; try again in a moment") from None
        respond(resp, CleaningUp())
