"""Sends Celery tasks from the API, which seldom needs one: while no lane server listens, and for a clean-up by hand."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from celery import Celery


class BrokerAwayError(Exception):
    """The task was not sent."""


class TaskSender:
    """Its first call imports Celery, which takes some 50 ms: call it in a thread."""

    def __init__(self, redis_url: str, prefix: str) -> None:
        self._redis_url = redis_url
        self._prefix = prefix
        self._lock = Lock()
        self._app: Celery | None = None

    def send(self, name: str) -> None:
        """Without waiting for an outcome. Raises BrokerAwayError, OSError."""
        from kombu.exceptions import OperationalError  # noqa: PLC0415 - Celery is a fifteenth of an API process's start

        try:
            self._celery().send_task(name, retry=False)
        except OperationalError as problem:
            raise BrokerAwayError from problem

    def _celery(self) -> Celery:
        from core.wakeup.broker import celery_app  # noqa: PLC0415 - as above

        with self._lock:
            if self._app is None:
                self._app = celery_app(self._redis_url, self._prefix)
            return self._app
