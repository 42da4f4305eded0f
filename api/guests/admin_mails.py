"""`GET /api/admin/mails/`: every mail about a booking, for staff: to whom, of what kind, and what became of it.

In the demo, where none is sent, it also shows what each says, with its links. Elsewhere nobody but its reader sees that.
"""

from __future__ import annotations

from typing import Literal, cast

import falcon.asgi
from msgspec import Struct

from api.http.fields import Id
from api.http.parameters import LIMIT_DEFAULT, Limit, Offset, read_query
from api.http.responses import respond
from api.openapi import operation
from core.store.connections.pool import Pool
from core.store.lists.pages import COUNT_EXACT_TO
from core.store.mails.kept import ListedMail, list_mails
from core.wire.vocabulary import Zulu, zulu

MailState = Literal["waiting", "sent", "parked", "dropped"]


class MailsAsked(Struct, frozen=True):
    booking_id: Id | None = None
    state: MailState | None = None
    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class KeptMail(Struct, frozen=True, kw_only=True):
    """What a mail says, where it is kept instead of being sent."""

    subject: str
    text: str
    html: str
    calendar: str | None


class MailShown(Struct, frozen=True, kw_only=True):
    id: str
    """Its `Message-ID` begins with it."""
    kind: str
    role: str
    """To whom it is written: `client` or `practitioner`."""
    booking_id: int | None
    recipient: str
    state: MailState
    attempts: int
    answer: str
    """The last answer of the mail server, or why nothing was sent."""
    created_at: Zulu
    done_at: Zulu | None
    kept: KeptMail | None
    """In the demo alone."""


class MailsShown(Struct, frozen=True, kw_only=True):
    total_count: int
    total_exact: bool
    """Whether it is all of them: beyond 10,000 they are not counted."""
    limit: int
    offset: int
    mails: list[MailShown]


class AdminMails:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("List mails about bookings", query=MailsAsked, answers={200: MailsShown})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, MailsAsked)
        async with self._pool.connection() as connection:
            rows, total = await list_mails(
                connection, booking_id=asked.booking_id, state=asked.state, limit=asked.limit, offset=asked.offset
            )
        body = MailsShown(
            total_count=min(total, COUNT_EXACT_TO),
            total_exact=total <= COUNT_EXACT_TO,
            limit=asked.limit,
            offset=asked.offset,
            mails=[_shown(row) for row in rows],
        )
        respond(resp, body)


def _shown(row: ListedMail) -> MailShown:
    kept = None
    if row.subject is not None:
        kept = KeptMail(subject=row.subject, text=row.text or "", html=row.html or "", calendar=row.calendar)
    return MailShown(
        id=str(row.id),
        kind=row.kind,
        role=row.role,
        booking_id=row.booking_id,
        recipient=row.recipient,
        state=cast("MailState", row.state),
        attempts=row.attempts,
        answer=row.answer,
        created_at=zulu(row.created_at),
        done_at=None if row.done_at is None else zulu(row.done_at),
        kept=kept,
    )
