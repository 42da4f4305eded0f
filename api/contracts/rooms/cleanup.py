"""`POST /api/cleanup-expired-bookings` (rooms.md, "Manual Cleanup"): rings the sweep, no more.

Anybody may call it as often as they like: it takes no input and rings at most once in a while.
Holds end by themselves within seconds anyway.
"""

from __future__ import annotations

import asyncio

import falcon.asgi
import redis.asyncio
from celery import Celery
from kombu.exceptions import OperationalError as BrokerAway
from redis.exceptions import RedisError

from api.errors import unavailable
from api.queries import Query
from core import bells
from core.broker import SWEEP_DUE
from core.wire.outcomes import encode

RING_EVERY_S = 5


class CleanUp:
    def __init__(self, client: redis.asyncio.Redis, celery: Celery) -> None:
        self._redis = client
        self._celery = celery

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        Query(req).check()
        try:
            if await self._redis.set(bells.CLEANUP_MARK, 1, nx=True, ex=RING_EVERY_S):
                await asyncio.to_thread(self._celery.send_task, SWEEP_DUE, retry=False)
        except (RedisError, BrokerAway, OSError):
            raise unavailable("Expired bookings cannot be looked for right now; try again in a moment") from None
        resp.data = encode({"message": "Expired bookings are being cleaned up"})
        resp.content_type = falcon.MEDIA_JSON
