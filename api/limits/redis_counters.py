"""What Redis counts for all API processes together: where, and by which connections."""

from __future__ import annotations

from limits.aio.storage import RedisStorage
from redis.asyncio import BlockingConnectionPool, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLostError

CONNECTIONS_MAX = 32
"""Of one process. A burst waits its turn for them, a millisecond a count: a pool that refuses instead would
tell strangers that Redis is away."""


def counting(redis_url: str, prefix: str, timeout_s: float) -> tuple[ConnectionPool, RedisStorage]:
    """(connections to close at the end, counters under `prefix`). Errors: RedisError, OSError.

    A connection that was lost while nobody used it is opened again: else each of them would say once
    more, after Redis is back, that it is away.
    """
    pool = BlockingConnectionPool.from_url(
        redis_url,
        max_connections=CONNECTIONS_MAX,
        timeout=timeout_s,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionLostError,)),
    )
    url = f"async+{redis_url}"
    return pool, RedisStorage(url, connection_pool=pool, implementation="redispy", key_prefix=prefix)
