"""Busy calendars on the deliveries queue: fetched on threads of their own, and closures brought in line after them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import psycopg
import structlog
from psycopg_pool import ConnectionPool, PoolTimeout

from core import logs
from core.store.calendars.busy_closures import sync_due
from core.store.calendars.busy_polls import DueCalendar, any_calendar, lease_due
from core.store.connections.database import Connection
from workers.metrics import DeliveryMetrics

if TYPE_CHECKING:
    from core.busy_calendars.poller import CalendarPoller

log = structlog.get_logger()

AT_ONCE = 4
"""Fetched by one worker. Each may have a process that reads, of up to half a gigabyte."""
SENDER = "busy_calendars"
"""In the metrics of deliveries."""


class BusyCalendars:
    """What a delivery worker does for calendars.

    A worker that stops does not wait for them: a lease that it does not end runs out by itself.
    """

    def __init__(
        self,
        poller: CalendarPoller,
        pool: ConnectionPool[Connection],
        metrics: DeliveryMetrics,
        done: Callable[[], None],
    ) -> None:
        """`done` is called when a thread is free again."""
        self._poller = poller
        self._pool = pool
        self._metrics = metrics
        self._done = done
        self._free = AT_ONCE
        self._lock = threading.Lock()

    def look(self, connection: Connection) -> bool:
        """Begin what is due; True if there are calendars, so that the worker stays."""
        for due in lease_due(connection, self._free):
            with self._lock:
                self._free -= 1
            threading.Thread(target=self._poll, args=(due,), name="calendar", daemon=True).start()
        sync_due(connection)
        return any_calendar(connection)

    def _poll(self, due: DueCalendar) -> None:
        started, became = time.monotonic(), "lost"
        try:
            with logs.bound(calendar_id=due.id):
                became = self._poller.poll(self._pool.connection, due)
        except (psycopg.Error, PoolTimeout) as problem:
            log.warning("what became of a calendar was not written down: it is fetched again", problem=repr(problem))
        except Exception:  # nobody reads what a thread of the pool raises: what is not logged here is lost
            log.exception("a calendar could not be fetched")
        finally:
            self._metrics.attempted(SENDER, became, time.monotonic() - started)
            with self._lock:
                self._free += 1
            self._done()
