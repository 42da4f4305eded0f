"""`/api/v1/drf/bookings/{id}/notes/`: an array. Private ones are the practitioner's and staff's."""

from __future__ import annotations

from typing import Annotated, Any

import falcon.asgi
from msgspec import Struct

from api.contracts.marketplace import examples
from api.contracts.marketplace.booking_actions import read_own
from api.contracts.marketplace.fields import forbidden
from api.contracts.marketplace.pagination import write
from api.http.bodies import read_json
from api.http.errors import Problem
from api.http.fields import text
from api.openapi import Content, operation
from api.runtime import Runtime
from core.domain.marketplace.verbs import Role, role_of
from core.domain.state import State
from core.identity.principals import Principal
from core.text_forms import SOME_TEXT
from core.wire.contracts.marketplace import NoteShown

NOTES_MAX = 500
"""Of one booking."""
SQL_ADD = """
INSERT INTO booking_note (booking_id, author_id, content, is_private)
SELECT %(booking)s, %(author)s, %(content)s, %(private)s
WHERE (SELECT count(*) FROM booking_note WHERE booking_id = %(booking)s) < %(most)s
RETURNING id, content, is_private, created_at,
          (SELECT coalesce(nullif(trim(concat_ws(' ', first_name, last_name)), ''), username)
           FROM user_account WHERE id = %(author)s)
"""


class NewNote(Struct, frozen=True, forbid_unknown_fields=True):
    content: Annotated[str, text(SOME_TEXT, least=1, most=5000)]
    is_private: bool = False


class Notes:
    def __init__(self, run: Runtime) -> None:
        self._pool = run.pool
        self._policy = run.settings.policy

    @operation("Read a booking's notes, the oldest first", answers={200: list[NoteShown]}, refuses=("not_found",))
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        principal: Principal = req.context.principal
        state = await read_own(self._pool, booking_id, principal, self._policy)
        sees_all = _sees_private(state, booking_id, principal)
        notes = [
            NoteShown(note.id, note.content, note.is_private, note.author, note.created_at)
            for note in state.market.notes[booking_id]
            if sees_all or not note.is_private
        ]
        write(resp, notes)

    @operation(
        "Add a note to a booking",
        body=Content(NewNote, example=examples.NOTE),
        answers={201: NoteShown},
        refuses=("not_found", "too_many_notes"),
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        sent = await read_json(req, NewNote)
        principal: Principal = req.context.principal
        state = await read_own(self._pool, booking_id, principal, self._policy)
        if sent.is_private and not _sees_private(state, booking_id, principal):
            raise forbidden()
        write(resp, await self._added(booking_id, principal, sent), 201)

    async def _added(self, booking_id: int, principal: Principal, sent: NewNote) -> NoteShown:
        values: dict[str, Any] = {
            "booking": booking_id,
            "author": principal.user_id,
            "content": sent.content,
            "private": sent.is_private,
            "most": NOTES_MAX,
        }
        async with self._pool.connection() as connection:
            row = await (await connection.execute(SQL_ADD, values)).fetchone()
        if row is None:
            raise Problem(409, "too_many_notes", "This booking has as many notes as it may have")
        id_, content, is_private, created_at, author = row
        return NoteShown(id_, content, is_private, author, created_at)


def _sees_private(state: State, booking_id: int, principal: Principal) -> bool:
    return role_of(principal.actor, state.bookings[booking_id]) in {Role.PRACTITIONER, Role.ADMIN}
