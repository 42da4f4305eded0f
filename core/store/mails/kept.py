"""Mails as staff see them: every one with its recipient, kind and state; in the demo also what it says."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from core.mail import Mail
from core.store.connections.database import AsyncConnection, Connection
from core.store.connections.queries import fetch_all_as, fetch_one

SENDER = "mails"

SQL_KEEP = """
INSERT INTO kept_mail (delivery_id, user_id, subject, text, html, calendar)
VALUES (%(id)s, %(user_id)s, %(subject)s, %(text)s, %(html)s, %(calendar)s) ON CONFLICT (delivery_id) DO NOTHING
"""
_WANTED = f"""d.sender = '{SENDER}' AND (%(booking_id)s::bigint IS NULL OR d.booking_id = %(booking_id)s)
  AND (%(state)s::text IS NULL OR d.state = %(state)s)"""
SQL_LIST = f"""
SELECT d.id, d.type AS kind, coalesce(d.data ->> 'role', '') AS role, d.booking_id,
       coalesce(u.shown_email, '') AS recipient, d.state, d.attempts, coalesce(d.answer, '') AS answer, d.created_at,
       d.done_at, k.subject, k.text, k.html, k.calendar
FROM delivery d LEFT JOIN user_account u ON d.receiver = 'user:' || u.id LEFT JOIN kept_mail k ON k.delivery_id = d.id
WHERE {_WANTED} ORDER BY d.seq DESC LIMIT %(limit)s OFFSET %(offset)s
"""
SQL_COUNT = f"SELECT count(*) FROM (SELECT FROM delivery d WHERE {_WANTED} LIMIT 10001) AS counted"


class ListedMail(Struct, frozen=True):
    id: UUID
    kind: str
    role: str
    booking_id: int | None
    recipient: str
    state: str
    attempts: int
    answer: str
    created_at: datetime
    done_at: datetime | None
    subject: str | None
    """This and what follows is kept in the demo alone, where no mail is sent."""
    text: str | None
    html: str | None
    calendar: str | None


def keep_mail(connection: Connection, delivery_id: UUID, user_id: int, mail: Mail) -> None:
    calendar = mail.calendar.content.decode() if mail.calendar else None
    kept = {"subject": mail.subject, "text": mail.text, "html": mail.html, "calendar": calendar}
    connection.execute(SQL_KEEP, {"id": delivery_id, "user_id": user_id, **kept})


async def list_mails(
    connection: AsyncConnection, *, booking_id: int | None, state: str | None, limit: int, offset: int
) -> tuple[list[ListedMail], int]:
    """One page, the newest first, and how many there are in all, counted to 10,001."""
    wanted = {"booking_id": booking_id, "state": state, "limit": limit, "offset": offset}
    rows = await fetch_all_as(connection, ListedMail, SQL_LIST, wanted)
    return rows, int((await fetch_one(connection, SQL_COUNT, wanted))[0])
