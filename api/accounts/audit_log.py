"""`GET /api/admin/audit/`: who changed what, when and from where; newest first, for superusers (docs/operations.md)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import falcon.asgi
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from api.http.fields import DayOrInstant, day_or_instant
from api.http.parameters import LIMIT_DEFAULT, Limit, Offset, Word, read_query
from api.http.responses import respond
from api.openapi import operation
from core.store.audit import AuthorKind
from core.store.lists.audit import AuditFilter, ListedEntry, page
from core.wire.vocabulary import Micros, micros


class AuditQuery(Struct, frozen=True):
    actor_kind: AuthorKind | None = None
    """`staff` are those who are not superusers."""
    actor: Word | None = None
    """`user:ID`, `key:ID`, `command_line:ACCOUNT` or `engine`."""
    action: Word | None = None
    """One action, such as `booking.cancelled`, or all on one kind of subject, such as `booking`."""
    subject: Word | None = None
    """Such as `booking:17`: also where a change touched it beside its own subject."""
    start_date: DayOrInstant | None = None
    """A day, or an instant with its offset: entries of it or later."""
    end_date: DayOrInstant | None = None
    """Entries before it; a day itself is not included."""
    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class EntryShown(Struct, frozen=True, kw_only=True):
    """The personal part of an entry is gone once its person's account is deleted."""

    id: int
    at: Micros
    actor_kind: AuthorKind
    actor: str
    action: str
    subject: str
    also: list[str]
    """What else the same change touched."""
    before: dict[str, Any] | None
    """The fields that changed; null where the subject did not exist."""
    after: dict[str, Any] | None
    address: str | None
    request_id: str | None
    command_id: UUID | None


class AuditLogShown(Struct, frozen=True, kw_only=True):
    total_count: int
    total_exact: bool
    """Whether `total_count` is all of them: beyond 10,000 they are not counted."""
    limit: int
    offset: int
    entries: list[EntryShown]


class AuditLog:
    def __init__(self, engine: AsyncEngine, zone: str) -> None:
        self._engine = engine
        self._zone = zone

    @operation("Read the audit log", query=AuditQuery, answers={200: AuditLogShown})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, AuditQuery)
        wanted = AuditFilter(
            actor_kind=asked.actor_kind,
            actor=asked.actor,
            action=asked.action,
            subject=asked.subject,
            since=day_or_instant(asked.start_date, self._zone) if asked.start_date else None,
            until=day_or_instant(asked.end_date, self._zone) if asked.end_date else None,
        )
        found = await page(self._engine, wanted, asked.limit, asked.offset)
        body = AuditLogShown(
            total_count=found.total.count,
            total_exact=found.total.exact,
            limit=asked.limit,
            offset=asked.offset,
            entries=[_shown(entry) for entry in found.rows],
        )
        respond(resp, body)


def _shown(entry: ListedEntry) -> EntryShown:
    return EntryShown(
        id=entry.id,
        at=micros(entry.at),
        actor_kind=AuthorKind(entry.actor_kind),
        actor=entry.actor,
        action=entry.action,
        subject=entry.subject,
        also=entry.also,
        before=entry.before,
        after=entry.after,
        address=entry.address,
        request_id=entry.request_id,
        command_id=entry.command_id,
    )
