"""The checks of Redis, or Valkey, which answers as Redis 7.2."""

from __future__ import annotations

from typing import Any

import redis
from msgspec import Struct
from redis.backoff import NoBackoff
from redis.exceptions import ClusterCrossSlotError, ClusterError, NoPermissionError, RedisError
from redis.retry import Retry

from core.configuration.values import redis_tls
from core.doctor.findings import Check, Examination, Severity, examined, found_by, not_asked, together, when
from core.doctor.postgresql import is_public
from core.settings import Settings
from core.wakeup.keys import Keys
from core.wakeup.reasons import RedisReason, reason_of

REDIS_TIMEOUT_S = 2.0
LANES_ASKED = 8
"""Enough keys that a cluster spreads them over several nodes."""
OLDEST_REDIS = (6, 2)
"""The first with BLPOP by parts of a second and ACLs that name channels."""
INFORMATIVE = ("server", "memory", "replication")


class RedisFacts(Struct, frozen=True, kw_only=True):
    """What one connection of REDIS_URL found."""

    is_cluster: bool = False
    may_ask: bool = True
    """Whether the user may use INFO, which tells the rest."""
    version: str = "6.2"
    policy: str = "noeviction"
    role: str = "master"
    host: str = ""
    """The address that it was reached at."""


class RedisServer(Struct, frozen=True):
    """What the checks look at."""

    facts: RedisFacts
    url: str

    @property
    def tls(self) -> dict[str, str | bool] | None:
        return redis_tls(self.url)


REMEDIES = {
    RedisReason.PASSWORD_REFUSED: "correct the user and password in REDIS_URL",
    RedisReason.RIGHTS: "give its ACL user the rights that docs/operations.md lists",
    RedisReason.NOT_RUNNING: "start Redis, or correct the host and port in REDIS_URL",
    RedisReason.UNKNOWN_HOST: "correct the host in REDIS_URL, or the name server",
    RedisReason.NO_ANSWER: "look for a firewall between, and whether the server is overloaded",
    RedisReason.CERTIFICATE: "name its authority in REDIS_URL (ssl_ca_certs=), or give the server a certificate for its host name",
    RedisReason.STARTING: "wait until it has loaded its data",
    RedisReason.FULL: "raise maxmemory and maxclients",
    RedisReason.READ_ONLY: "name the primary in REDIS_URL",
    RedisReason.LOST: "read Redis' log",
}

ANSWERS = Check[RedisServer]("redis", Severity.ERROR, "Redis cannot be used, as {reason}", "{remedy}", lambda _: None)
CLUSTER = Check[RedisServer](
    "redis-cluster",
    Severity.REFUSAL,
    "REDIS_URL names a node of a Redis Cluster, which spreads related keys over several nodes",
    "give Holdfast a Redis or Valkey that is not in cluster mode",
    lambda one: when(one.facts.is_cluster),
)
INFORMED = (
    Check[RedisServer](
        "redis-version",
        Severity.ERROR,
        "REDIS_URL names Redis {found}, and Holdfast needs Redis {oldest} or newer, or any Valkey",
        "upgrade it, or name another",
        lambda one: when(
            _number(one.facts.version) < OLDEST_REDIS,
            found=one.facts.version,
            oldest=".".join(map(str, OLDEST_REDIS)),
        ),
    ),
    Check[RedisServer](
        "redis-eviction",
        Severity.ERROR,
        "Redis' maxmemory-policy is {policy}, so when it is full it silently drops bells, queues and counters of attempts",
        "set it to noeviction: then a write fails, and the sweep makes up for it",
        lambda one: when(one.facts.policy != "noeviction", policy=one.facts.policy),
    ),
    Check[RedisServer](
        "redis-replica",
        Severity.ERROR,
        "REDIS_URL names a replica, which takes no writes",
        "name the primary",
        lambda one: when(one.facts.role != "master"),
    ),
)
"""Checks that need INFO."""
TRANSPORT = (
    Check[RedisServer](
        "redis-encryption",
        Severity.WARNING,
        "The connection to Redis leaves the private network unencrypted",
        "begin REDIS_URL with rediss://",
        lambda one: when(one.tls is None and is_public(one.facts.host)),
    ),
    Check[RedisServer](
        "redis-certificate",
        Severity.WARNING,
        "Nobody checks Redis' certificate, so another server could pose as it",
        "take ssl_cert_reqs and ssl_check_hostname out of REDIS_URL, and name the authority with ssl_ca_certs=",
        lambda one: when(
            one.tls is not None and (one.tls["ssl_cert_reqs"] != "required" or one.tls["ssl_check_hostname"] is False)
        ),
    ),
)
TABLE = (ANSWERS, CLUSTER, *INFORMED, *TRANSPORT)
MAY_NOT_ASK = "its user may not use INFO; allow it with +info"


def examine_redis(settings: Settings) -> Examination:
    """Asks the server of REDIS_URL, for at most about two seconds."""
    try:
        one = RedisServer(read_redis_facts(settings.redis_url, settings.redis_keys), settings.redis_url)
    except (RedisError, OSError) as problem:
        reason = reason_of(problem)
        finding = found_by(ANSWERS, {"reason": reason.value, "remedy": REMEDIES[reason]}, str(problem).strip())
        left = not_asked((CLUSTER, *INFORMED, *TRANSPORT), "Redis cannot be used")
        return together([Examination((finding,), (), {}), left])
    asked = examined(INFORMED, one) if one.facts.may_ask else not_asked(INFORMED, MAY_NOT_ASK)
    answers = Examination((), (ANSWERS.name,), {})
    return together([answers, examined((CLUSTER,), one), asked, examined(TRANSPORT, one)])


def read_redis_facts(url: str, keys: Keys) -> RedisFacts:
    """Raises RedisError or OSError."""
    client = redis.Redis.from_url(
        url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S, retry=Retry(NoBackoff(), 0)
    )
    with client:
        try:
            client.exists(*(keys.lane_bell(lane) for lane in range(LANES_ASKED)))
        except (ClusterError, ClusterCrossSlotError):
            return RedisFacts(is_cluster=True, host=_host(client))
        try:
            told = {name: value for part in INFORMATIVE for name, value in _info(client, part).items()}
        except NoPermissionError:
            return RedisFacts(may_ask=False, host=_host(client))
        return RedisFacts(
            version=str(told.get("redis_version", "")),
            policy=str(told.get("maxmemory_policy", "noeviction")),
            role=str(told.get("role", "master")),
            host=_host(client),
        )


def _info(client: Any, part: str) -> dict[str, Any]:
    found: dict[str, Any] = client.info(part)
    return found


def _host(client: redis.Redis) -> str:
    """The address of the other end; empty if it is unknown."""
    connection: Any = client.connection_pool.get_connection()
    try:
        return str(connection._sock.getpeername()[0])  # noqa: SLF001 - redis-py does not show it
    except (AttributeError, OSError):
        return ""
    finally:
        client.connection_pool.release(connection)


def _number(version: str) -> tuple[int, ...]:
    """The first two numbers of a version; unknown ones are taken to be new enough."""
    parts = version.split(".")[:2]
    return tuple(map(int, parts)) if all(part.isdigit() for part in parts) else OLDEST_REDIS
