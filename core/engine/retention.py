"""Retention: deletes every table's expired rows, in small batches, until none is left.

Each table deletes one batch in turn, so a large backlog in one does not delay the others; a table that fails is left
out until the next sweep. Between two batches the sweep rests longer than the batch took: people come first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import psycopg
import structlog
from msgspec import Struct

from core.identity.personal_data.anonymisation import blank_again
from core.store.connections.database import Connection
from core.store.maintenance import partitions
from core.store.maintenance.retention import KEPT, RetentionRule, delete_batch, is_alone

log = structlog.get_logger()

REST_MIN_S = 0.01
REST_FACTOR = 3.0
"""How many times longer the rest after a batch is than the batch: at most a quarter of one core is used."""

Rest = Callable[[float], bool]
"""Waits that many seconds; returns whether to continue."""


class SweepResult(Struct):
    """What one sweep did."""

    rows: dict[str, int]
    """Deleted, by table."""
    failed: list[str]


class _TableSweep:
    """One table's batches, one after another."""

    def __init__(self, kept: RetentionRule) -> None:
        self.kept = kept
        self.deleted = 0
        """By the last batch."""
        self._after = kept.first

    def delete(self, connection: Connection) -> None:
        self.deleted, after = delete_batch(connection, self.kept, self._after)
        self._after = after or self._after


def rest(pause_s: float) -> bool:
    time.sleep(pause_s)
    return True


def tidy(connect: Callable[[], Connection], rest: Rest = rest) -> SweepResult | None:
    """Delete until no expired row is left, or `rest` says to stop; None if another sweep is running."""
    return _Sweep(connect, rest).run()


class _Sweep:
    def __init__(self, connect: Callable[[], Connection], rest: Rest) -> None:
        self._connect = connect
        self._rest = rest
        self._connection: Connection | None = None
        self._result = SweepResult({}, [])

    def run(self) -> SweepResult | None:
        try:
            if not is_alone(self._session()):
                return None
            self._try("anonymised", blank_again)
            self._delete_all()
            self._try("outcome weeks", partitions.ensure)  # after the expired rows are gone, which need no partition
            self._drop_weeks()
            return self._result
        finally:
            if self._connection is not None:
                self._connection.close()

    def _session(self) -> Connection:
        """The connection, or a new one if a table's failure has closed it."""
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
        return self._connection

    def _try(self, name: str, act: Callable[[Connection], object]) -> bool:
        """Whether it succeeded. A failure does not affect other tables."""
        try:
            act(self._session())
        except psycopg.Error as problem:
            log.warning("retention failed", table=name, problem=repr(problem))
            self._result.failed.append(name)
            return False
        return True

    def _drop_weeks(self) -> None:
        old: list[str] = []
        self._try("outcome", lambda connection: old.extend(partitions.look(connection).old))
        for name in old:
            if self._try(name, partial(partitions.drop, name=name)):
                log.info("a week of outcomes was dropped", table=name)

    def _delete_all(self) -> None:
        """Rounds, in which each table deletes one batch, until a round deletes nothing."""
        tables = [_TableSweep(kept) for kept in KEPT]
        before = -1
        while before != (before := sum(self._result.rows.values())):
            for table in tuple(tables):
                started = time.monotonic()
                if not self._try(table.kept.table, table.delete):
                    tables.remove(table)
                elif table.deleted:
                    self._note(table.kept.table, table.deleted)
                    if not self._rest(max(REST_MIN_S, REST_FACTOR * (time.monotonic() - started))):
                        return

    def _note(self, table: str, rows: int) -> None:
        if rows:
            self._result.rows[table] = self._result.rows.get(table, 0) + rows
