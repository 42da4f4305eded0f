"""`/api/v1/drf/bookings/{id}/notes/`: an array. Only the practitioner and staff see private notes."""

from __future__ import annotations

from typing import Annotated

import falcon.asgi
from msgspec import Struct

from api.contracts.changes import Problems, as_problems
from api.contracts.marketplace import examples
from api.contracts.marketplace.booking_actions import read_own
from api.http.audit import note_change
from api.http.bodies import read_json
from api.http.errors import Problem, forbidden
from api.http.fields import text
from api.http.responses import respond
from api.openapi import Content, operation
from api.runtime import Runtime
from core.domain.marketplace.values import Note
from core.domain.marketplace.verbs import Role, role_of
from core.domain.state import State
from core.identity.principals import Principal
from core.store.catalogue.changes import FullError
from core.store.marketplace.booking_notes import add_note
from core.text_forms import SOME_TEXT
from core.wire.contracts.marketplace import NoteShown

PROBLEMS: Problems = {
    FullError: lambda: Problem(409, "too_many_notes", "This booking has as many notes as it may have")
}


class NewNote(Struct, frozen=True, forbid_unknown_fields=True):
    content: Annotated[str, text(SOME_TEXT, least=1, most=5000)]
    is_private: bool = False


class Notes:
    def __init__(self, runtime: Runtime) -> None:
        self._pool = runtime.pool
        self._policy = runtime.settings.policy

    @operation("Read a booking's notes, the oldest first", answers={200: list[NoteShown]}, refuses=("not_found",))
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        principal: Principal = req.context.principal
        state = await read_own(self._pool, booking_id, principal, self._policy)
        sees_all = _sees_private(state, booking_id, principal)
        notes = [_shown(note) for note in state.market.notes[booking_id] if sees_all or not note.is_private]
        respond(resp, notes)

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
        async with as_problems(PROBLEMS), self._pool.connection() as connection, connection.transaction():
            note = await add_note(connection, booking_id, principal.user_id, sent.content, is_private=sent.is_private)
            if principal.is_audited:
                after = {"note_id": note.id, "is_private": note.is_private}
                await note_change(req, connection, "booking.note_added", booking_id, None, after)
        respond(resp, _shown(note), 201)


def _shown(note: Note) -> NoteShown:
    return NoteShown(note.id, note.content, note.is_private, note.author, note.created_at)


def _sees_private(state: State, booking_id: int, principal: Principal) -> bool:
    return role_of(principal.actor, state.bookings[booking_id]) in {Role.PRACTITIONER, Role.ADMIN}
