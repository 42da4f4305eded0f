"""Asks all parts of one installation and combines their answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from core.release import VERSION
from core.settings import Settings
from ops.status.asked_parts import ANSWER_WITHIN_S, begin_all
from ops.status.overview import Overview
from ops.status.socket_metrics import notifiers_part
from ops.status.sources import Replies, api_part, database_part, redis_part, workers_part
from ops.status.summary import overview


class StatusReader:
    """`metrics` are the `HOST:PORT` at which notifiers serve theirs, if that is known."""

    def __init__(
        self, settings: Settings, api_url: str, metrics: Sequence[str] = (), within_s: float = ANSWER_WITHIN_S
    ) -> None:
        self._within_s = within_s
        self._database = database_part(settings)
        self._redis = redis_part(settings)
        self._workers = workers_part(settings)
        self._api = api_part(api_url)
        self._notifiers = notifiers_part(metrics) if metrics else None

    def read(self) -> Overview:
        """Takes as long as one part may take, whatever is down."""
        always = (self._database, self._redis, self._workers, self._api)
        until = begin_all(always if self._notifiers is None else (*always, self._notifiers), self._within_s)
        replies = Replies(
            self._database.reply(until),
            self._redis.reply(until),
            self._workers.reply(until),
            self._api.reply(until),
            None if self._notifiers is None else self._notifiers.reply(until),
        )
        return overview(replies, datetime.now(UTC), VERSION)
