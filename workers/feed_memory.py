"""What Redis remembers of the feed. A database that is behind it was restored, and gets a new epoch."""

from __future__ import annotations

import re
from contextlib import suppress

import redis

from core.store.connections.database import Connection
from core.store.feed import NOWHERE, SQL_HEAD, Position
from core.wakeup import bells

_POSITION = re.compile(r"[0-9]{1,18}")
"""What `FEED_TELL_SCRIPT` stores. Any other value must not stop the feed."""


class FeedMemory:
    """Publishes the feed's head on Redis, and knows the furthest that this relay or another has published.

    If Redis forgets it or does not answer, a notifier or `feed.origin` must notice a restore.
    """

    def __init__(self, client: redis.Redis, keys: bells.Keys = bells.NO_PREFIX) -> None:
        self._redis = client
        self._keys = keys
        self._is_loaded = False
        self.known = NOWHERE

    def load(self, connection: Connection) -> None:
        """Read what is known of this database's epoch. Call it before a connection first numbers events."""
        row = connection.execute(SQL_HEAD).fetchone()
        with suppress(redis.RedisError):
            epoch = row[0] if row else ""
            found = self._redis.get(self._keys.feed_memory(epoch))
            if isinstance(found, str) and _POSITION.fullmatch(found):
                self._note(Position(epoch, int(found)))
            self._is_loaded = True

    def load_once(self, connection: Connection) -> None:
        if not self._is_loaded:
            self.load(connection)

    def expect_another_database(self) -> None:
        """The next connection may lead to another database."""
        self._is_loaded = False

    def publish(self, head: Position) -> None:
        self._note(head)
        with suppress(redis.RedisError):
            arguments = (head.number, bells.FEED_REMEMBERED_S, self._keys.feed_channel, head)
            known = self._redis.eval(
                bells.FEED_TELL_SCRIPT, 1, self._keys.feed_memory(head.epoch), *map(str, arguments)
            )
            self._note(Position(head.epoch, int(known)))

    def _note(self, seen: Position) -> None:
        if seen.epoch != self.known.epoch or seen.number > self.known.number:
            self.known = seen
