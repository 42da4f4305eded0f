"""What Redis still holds from before a restore: bells, marks, counters, queued tasks. Only this installation's.

Nothing in Redis matters that PostgreSQL does not have (`core.wakeup.keys`), so a Redis that is away stops no restore.
"""

from __future__ import annotations

from itertools import islice

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from core.settings import Settings
from core.wakeup.broker import QUEUES

TIMEOUT_S = 5.0
AT_ONCE = 500


def drop_keys(settings: Settings) -> int | None:
    """The number of dropped keys; None if Redis does not answer."""
    keys = settings.redis_keys
    # Without a prefix only names that nobody else has: another program may use the same Redis.
    patterns = [f"{keys.prefix}*"] if keys.prefix else ["hf:*"]
    client = redis.Redis.from_url(
        settings.redis_url,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        decode_responses=False,
    )
    try:
        with client:
            dropped = client.unlink(*(keys.queue(queue.name) for queue in QUEUES))
            for pattern in patterns:
                found = client.scan_iter(match=pattern, count=AT_ONCE)
                while some := list(islice(found, AT_ONCE)):
                    dropped += client.unlink(*some)
            return int(dropped)
    except (RedisError, OSError):
        return None
