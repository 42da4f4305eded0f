"""Withdrawing a command that is not decided yet."""

from __future__ import annotations

from uuid import UUID

from core.store.audit import AuditEntry, Author, record_async
from core.store.connections.database import AsyncConnection, database_now_async
from core.store.data_subjects import data_subjects_in
from core.store.feed_events import SQL_EVENTS, event_parameters, final_event
from core.store.inbox.lane_batches import LANE_SPACE
from core.store.inbox.outcomes import SQL_MOVE, Outcome, move_parameters
from core.store.inbox.reading import WAITING_COLUMNS, undecoded

SQL_WITHDRAWABLE = f"SELECT {WAITING_COLUMNS} FROM inbox WHERE id = %s AND awaits IS NULL AND total IS NULL"
"""Not a deferred command, which is decided and whose intent may exist; nor one that is partly done."""
SQL_STILL_WITHDRAWABLE = f"{SQL_WITHDRAWABLE} FOR UPDATE"
"""With the lane locked. If the number of lanes changed in between, it waits for the transaction that has the row."""
SQL_LOCK_LANE_PATIENTLY = "SELECT pg_advisory_xact_lock(%s, %s)"
"""A withdrawal waits for the batch under way, so that it never takes a row that a lane is deciding."""


async def withdraw(connection: AsyncConnection, id_: UUID, outcome: Outcome, by: Author | None = None) -> bool:
    """Take an undecided command back, between two batches of its lane; False if it is too late.

    `by`: whose doing it is, for the audit log; None if it does not go there.
    """
    async with connection.transaction():
        row = await (await connection.execute(SQL_WITHDRAWABLE, (id_,))).fetchone()
        if row is None:
            return False
        found = undecoded(row)  # it may be for a newer worker, or malformed
        await connection.execute(SQL_LOCK_LANE_PATIENTLY, (LANE_SPACE, found.lane))
        # Again: the batch that held the lane may have deferred it.
        if await (await connection.execute(SQL_STILL_WITHDRAWABLE, (id_,))).fetchone() is None:
            return False
        now = await database_now_async(connection)
        answer = (id_, outcome, data_subjects_in(found.header, found.body))
        moved = await connection.execute(SQL_MOVE, move_parameters([answer], now))
        if moved.rowcount == 0:
            return False
        news = final_event(found.header, "command_withdrawn")
        await connection.execute(SQL_EVENTS, event_parameters([news], now))
        if by is not None:
            after = {"status": outcome.status, "owner": found.header.actor.owner}
            await record_async(
                connection,
                AuditEntry(by, "command.withdrawn", f"command:{id_}", {"status": "accepted"}, after, command_id=id_),
            )
    return True
