"""A lane's note: which commands its owner is about to decide.

It is written on a connection of its own and committed before the batch is tried, so that it outlives a worker that the
batch kills. After a finished batch it need not be cleared: its ids are no longer in the inbox. Its loss only makes a
search slower, so it does not wait for the disk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
import structlog
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus

from core.store.connections.database import Connection

log = structlog.get_logger()

_encode = msgspec.json.Encoder().encode

SQL_WRITE = """
INSERT INTO lane_note (lane, ids, owner_pid, noted_at)
SELECT lane, ids, pg_backend_pid(), statement_timestamp() FROM json_to_recordset($1::json) AS n (lane integer, ids uuid[])
ON CONFLICT (lane) DO UPDATE SET ids = excluded.ids, owner_pid = excluded.owner_pid, noted_at = excluded.noted_at
"""
_WRITE = b"write_note"
SQL_FORGET = "UPDATE lane_note SET ids = '{}' WHERE owner_pid = %s"
SQL_OWNER_DIED = """
SELECT FROM lane_note n WHERE lane = %s AND noted_at > pg_postmaster_start_time()
AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = n.owner_pid AND a.datname = current_database())
"""
"""A database that was restarted has ended all connections: that is no sign of death."""


class LaneNotes:
    """One worker's notes, over all the lanes it serves."""

    def __init__(self, connection: Connection, cut_off: int | None = None) -> None:
        """`connection` is in autocommit and used for nothing else. `cut_off` was this worker's `owner` before it lost its
        connections in an outage: as it did not die, its old notes mean nothing.
        """
        self.owner = connection.info.backend_pid
        self._connection = connection
        self._mine: dict[int, list[UUID]] = {}
        self._before: dict[int, list[UUID]] = {}
        """The notes before: the last one may still be on its way when the lane's note is read."""
        connection.execute("SET synchronous_commit = off")
        if cut_off is not None:
            connection.execute(SQL_FORGET, (cut_off,))
        self._pg = connection.pgconn
        self._pg.prepare(_WRITE, SQL_WRITE.encode())  # planning it each time costs more than writing it

    def write(self, notes: Mapping[int, Sequence[UUID]]) -> None:
        """By lane. Sent at once and not waited for: a worker that dies deciding has sent it all the same."""
        self._before.update((lane, self._mine.get(lane, [])) for lane in notes)
        self._mine.update((lane, list(ids)) for lane, ids in notes.items())
        self._drain()
        rows = [{"lane": lane, "ids": ids} for lane, ids in sorted(notes.items())]
        self._pg.send_query_prepared(_WRITE, [_encode(rows)])
        self._pg.flush()

    def _drain(self) -> None:
        """Read the answer to the note before, which arrived long ago."""
        while (result := self._pg.get_result()) is not None:
            if result.status == ExecStatus.FATAL_ERROR:
                log.info("note lost", problem=repr(error_from_result(result)))

    def inherited(self, lane: int, found: Sequence[UUID]) -> list[UUID]:
        """What another worker noted and did not finish; nothing if the note is our own."""
        ours = (self._mine.get(lane), self._before.get(lane))
        return [] if list(found) in ours else list(found)

    @staticmethod
    def owner_died(connection: Connection, lane: int) -> bool:
        """Whether the note's owner is gone. One that lives lost its lane in an outage or while it was stopped."""
        return connection.execute(SQL_OWNER_DIED, (lane,)).fetchone() is not None

    def close(self) -> None:
        self._connection.close()
