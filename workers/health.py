"""What a worker, and beat, answer to their health checks (`core/health_socket.py`)."""

from __future__ import annotations

from functools import partial

import redis
from celery import Celery
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.health_socket import Checks, Judge, answer_checks, pulse_problem
from core.settings import Settings
from core.store.pulse import Pulse

PING_TIMEOUT_S = 3.0
REDIS_TIMEOUT_S = 2.0


def of_worker(app: Celery, settings: Settings, node: str) -> None:
    """Well while this worker consumes and the pipeline moves; a payments worker also sees to what is due."""
    judge: Judge = Pulse.payments_problem if node.startswith("payments@") else Pulse.lanes_problem

    def ready() -> str | None:
        return _ping(app, node) or pulse_problem(settings, judge)

    def alive() -> str | None:
        """A worker that does not consume although Redis answers is helped by a restart, and by nothing else."""
        return (_ping(app, node) if _redis_answers(settings) else None) and f"{node} consumes nothing"

    answer_checks(settings, Checks(alive=alive, ready=ready))


def of_beat(settings: Settings) -> None:
    """Beat answers nothing, its canaries do."""
    answer_checks(settings, Checks(alive=lambda: None, ready=partial(pulse_problem, settings, Pulse.lanes_problem)))


def _ping(app: Celery, node: str) -> str | None:
    """Through the broker and back, as from another machine."""
    answers = app.control.ping(destination=[node], timeout=PING_TIMEOUT_S, limit=1)
    return None if answers else f"{node} does not answer within {PING_TIMEOUT_S:g} s"


def _redis_answers(settings: Settings) -> bool:
    client = redis.Redis.from_url(
        settings.redis_url,
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
    with client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
