"""The notes of marketplace bookings: read with them, and added one at a time."""

from __future__ import annotations

from collections.abc import Iterable

from core.domain.marketplace.values import Note
from core.domain.state import State
from core.store.catalogue.changes import FullError
from core.store.connections.database import AsyncConnection
from core.store.connections.pipeline import QueryPipeline
from core.store.connections.queries import find_one
from core.store.connections.round_trip import Rows

NOTES_MAX = 500
"""Of one booking."""
NOTES_SHOWN = 100
"""Of each booking, the newest."""
_AUTHOR = "coalesce(nullif(trim(concat_ws(' ', u.first_name, u.last_name)), ''), u.username)"
SQL_NOTES = f"""
SELECT n.id, n.booking_id, n.author_id, {_AUTHOR},
       n.content, n.is_private, n.created_at
FROM unnest(%s::bigint[]) AS w (id)
CROSS JOIN LATERAL (SELECT * FROM booking_note n WHERE n.booking_id = w.id ORDER BY n.id DESC LIMIT {NOTES_SHOWN}) AS n
JOIN user_account u ON u.id = n.author_id ORDER BY n.booking_id, n.id
"""
SQL_ADD = f"""
INSERT INTO booking_note (booking_id, author_id, content, is_private)
SELECT %(booking)s, %(author)s, %(content)s, %(private)s
WHERE (SELECT count(*) FROM booking_note WHERE booking_id = %(booking)s) < {NOTES_MAX}
RETURNING id, booking_id, author_id, (SELECT {_AUTHOR} FROM user_account u WHERE u.id = booking_note.author_id), content, is_private,
          created_at
"""


def ask_notes(pipeline: QueryPipeline, state: State, booking_ids: Iterable[int]) -> None:
    """The newest of each booking, the oldest of them first."""

    def store_notes(rows: Rows) -> None:
        for id_ in {row[1] for row in rows}:
            state.market.notes.pop(id_, None)
        for row in rows:
            state.market.notes[row[1]].append(Note(*row))

    pipeline.ask(SQL_NOTES, (list(booking_ids),), store_notes)


async def add_note(
    connection: AsyncConnection, booking_id: int, author_id: int | None, content: str, *, is_private: bool
) -> Note:
    """Raises FullError."""
    values = {"booking": booking_id, "author": author_id, "content": content, "private": is_private}
    row = await find_one(connection, SQL_ADD, values)
    if row is None:
        raise FullError
    return Note(*row)
