"""The parts that are asked: PostgreSQL, Redis, the workers through it, and the API."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, Literal

import msgspec
import psycopg
from celery import Celery
from msgspec import Struct
from psycopg.conninfo import make_conninfo
from redis.exceptions import NoPermissionError

from core.settings import Settings
from core.store.connections.database import API_LIMITS, connect
from core.store.connections.reasons import TRY_TIMEOUT_S
from core.store.connections.reasons import reason_of as postgres_reason
from core.store.running_state import RunningState, read_running_state
from core.wakeup import bells, reasons
from core.wakeup.broker import celery_app
from core.wakeup.keys import DELIVERIES, LANES, PAYMENTS, RELAY, SWEEPS
from ops.probes import get
from ops.status.asked_parts import HTTP_TIMEOUT_S, Part, PartError, Reply
from ops.status.socket_metrics import SocketState

LIMITS = {**API_LIMITS, "statement_timeout": "2s", "default_transaction_read_only": "on"}
NOT_MIGRATED = "its schema is not of this release: run holdfast migrate"
WORKERS_ANSWER_WITHIN_S = 1.0
"""It is not known how many will answer, so each look waits this long."""
ANSWERED = (200, 503)
"""Statuses of `/readyz`."""


class RedisState(Struct, frozen=True):
    server: str | None
    """None: its user may not use INFO."""
    used_memory: str | None
    api_processes: int
    """API processes that wait for outcomes."""
    queues: dict[str, int]
    """Tasks that wait in Celery's queues."""


class Readyz(Struct, frozen=True):
    """What the API says of itself and the other parts. An earlier release may say less."""

    status: Literal["ready", "not ready"]
    down: list[str]
    degraded: list[str] = []
    reasons: dict[str, str] = {}

    @property
    def is_ready(self) -> bool:
        return self.status == "ready"


def database_part(settings: Settings) -> Part[RunningState]:
    address = make_conninfo(settings.database_url, connect_timeout=TRY_TIMEOUT_S)

    def read() -> RunningState:
        with connect(address, LIMITS, "holdfast status") as connection:
            return read_running_state(connection)

    return Part("postgresql", read, _of_database)


def _of_database(problem: Exception) -> str:
    if isinstance(problem, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn | ValueError):
        return NOT_MIGRATED
    return postgres_reason(problem).value


def redis_part(settings: Settings) -> Part[RedisState]:
    return Part("redis", partial(_read_redis, settings), _of_redis)


def _read_redis(settings: Settings) -> RedisState:
    keys = settings.redis_keys
    pattern = keys.outcome_channel("").translate({ord(sign): f"\\{sign}" for sign in "*?[]\\^"}) + "*"
    with bells.connect(settings.redis_url) as client:
        asked: Any = client
        channels = asked.pubsub_channels(pattern)
        queues = {group: int(asked.llen(keys.queue(group))) for group in (LANES, RELAY, PAYMENTS, DELIVERIES, SWEEPS)}
        try:
            told = asked.info()
        except NoPermissionError:
            told = {}
    name, version = _server(told)
    return RedisState(version and f"{name} {version}", told.get("used_memory_human"), len(channels), queues)


def _server(told: dict[str, Any]) -> tuple[str, str | None]:
    if "valkey_version" in told:
        return "Valkey", str(told["valkey_version"])
    return "Redis", told.get("redis_version")


def _of_redis(problem: Exception) -> str:
    return reasons.reason_of(problem).value


def workers_part(settings: Settings) -> Part[dict[str, tuple[str, ...]]]:
    """The queues that each worker says it consumes, by the worker's name (`lanes-1@host`)."""
    app = celery_app(settings.redis_url, settings.redis_keys.prefix)
    return Part("workers", partial(_read_workers, app, settings), _of_redis)


def _read_workers(app: Celery, settings: Settings) -> dict[str, tuple[str, ...]]:
    with bells.connect(settings.redis_url) as client:  # Celery would try again and again
        client.ping()
    with app.connection_for_write() as connection:
        asked = app.control.inspect(timeout=WORKERS_ANSWER_WITHIN_S, connection=connection)
        found: dict[str, list[dict[str, Any]]] = asked.active_queues() or {}
    return {worker: tuple(sorted(str(queue["name"]) for queue in queues)) for worker, queues in sorted(found.items())}


def own_api(settings: Settings) -> str:
    """The URL of the API that listens on this machine, or in this container."""
    host, _, port = settings.api_bind.rpartition(":")
    number = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 - looked for, not bound
    return f"http://{number}:{port}"


def api_part(url: str) -> Part[Readyz]:
    """`url` has no slash at its end."""
    return Part("api", partial(_read_api, url))


def _read_api(url: str) -> Readyz:
    """`/healthz` answers while `/readyz` has to wait for something."""
    until = time.monotonic() + HTTP_TIMEOUT_S
    if get(f"{url}/healthz", HTTP_TIMEOUT_S).status == 0:
        raise PartError(f"nobody answers at {url}")
    answer = get(f"{url}/readyz", max(0.1, until - time.monotonic()))
    if answer.status == 0:
        raise PartError("it runs, but does not say in time whether it is ready")
    try:
        if answer.status in ANSWERED:
            return msgspec.convert(answer.body, Readyz)
    except msgspec.ValidationError:
        pass
    raise PartError(f"what answers at {url} is no API of Holdfast")


class Replies(Struct, frozen=True):
    """What all parts said."""

    database: Reply[RunningState]
    redis: Reply[RedisState]
    workers: Reply[dict[str, tuple[str, ...]]]
    api: Reply[Readyz]
    notifiers: Reply[SocketState] | None
    """None: nobody said where they serve their metrics."""

    @property
    def sockets(self) -> SocketState | None:
        return None if self.notifiers is None else self.notifiers.value
