"""The bounce mailbox, read on the deliveries queue every few minutes, in a thread of its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psycopg
import structlog
from psycopg_pool import ConnectionPool, PoolTimeout

from core.store.connections.database import Connection
from core.store.mails.bounces import Place, lease_look

if TYPE_CHECKING:
    from core.mails.bounce_reader import BounceReader

log = structlog.get_logger()

EVERY_S = 300.0
"""From one look to the next."""


class BounceMailbox:
    """A worker that stops does not wait for it: the next look goes on from the last place that was recorded."""

    def __init__(self, reader: BounceReader, pool: ConnectionPool[Connection]) -> None:
        self._reader = reader
        self._pool = pool

    def look(self, connection: Connection) -> None:
        """Begin to read if it is time; of all workers one does."""
        place = lease_look(connection, self._reader.name, EVERY_S)
        if place is not None:
            threading.Thread(target=self._read, args=(place,), name="bounces", daemon=True).start()

    def _read(self, place: Place) -> None:
        try:
            self._reader.read(self._pool.connection, place)
        except (psycopg.Error, PoolTimeout) as problem:
            log.warning("bounces were not recorded and are read again", problem=repr(problem))
        except Exception:  # what a thread raises and does not log is lost
            log.exception("the bounce mailbox could not be read")
