"""A command that makes its batch slow, and a lane server in a thread."""

from __future__ import annotations

from typing import Any

import psycopg

from core.engine.database_probe import DatabaseProbe
from core.engine.lane_failures import LaneFailures
from tests.support.engine.lanes import POISON_NOTES, Pipeline
from tests.support.wait import wait_until

SLOW_ONE = f"""
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {{does}}; RETURN NEW; END $$;
CREATE TRIGGER dawdle BEFORE INSERT ON booking FOR EACH ROW WHEN (NEW.notes = '{POISON_NOTES}')
EXECUTE FUNCTION dawdle();
"""


class Seen:
    """A probe that says what a test says."""

    def __init__(self, *, answered: bool) -> None:
        self._answered = answered
        self.watches = False

    def begin(self) -> None:
        self.watches = True

    def end(self) -> None:
        self.watches = False

    def others_were_answered(self) -> bool:
        return self._answered


class Server:
    """Handles outages like a lane server: it reconnects, and keeps what its process remembers."""

    def __init__(
        self, pipeline: Pipeline, probe: DatabaseProbe, timeout: str = "100ms", limit: str = "statement_timeout"
    ) -> None:
        self._pipeline = pipeline
        self._probe = probe
        self._limit = f"SET {limit} = '{timeout}'"
        self.handed_over: list[set[int]] = []
        """Lanes that waited, each time that one was visited alone."""
        self._lane_failures = LaneFailures()
        self._connect()

    def _connect(self) -> None:
        self.worker = self._pipeline.worker(
            cut_off=self._lane_failures.cut_off,
            lane_failures=self._lane_failures,
            probe=self._probe,
            hand_over=lambda lanes: self.handed_over.append(set(lanes)),
        )
        self._lane_failures.cut_off = None
        self.worker.connection.execute(self._limit.encode())

    def visit(self, *lanes: int) -> bool:
        """Whether there is more."""
        try:
            return bool(self.worker.visit(*lanes).more)
        except psycopg.Error:
            self.worker.connection.close()
            self.worker.notes.close()
            wait_until(self._is_connected, "the database is back")
            return True

    def _is_connected(self) -> bool:
        try:
            self._connect()
        except psycopg.OperationalError:
            return False
        return True

    def visit_until_done(self, most: int = 60) -> None:
        for _ in range(most):
            if not self.visit():
                return
        raise AssertionError(f"not done after {most} visits")


def sleeps(connection: psycopg.Connection[Any]) -> bool:
    found = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'").fetchone()
    return found is not None and bool(found[0])
