"""The audit log as superusers and operators read it: the newest entries first, with what is left of their personal part."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.types import Text

from core.store.connections.database import Connection
from core.store.lists.composition import beside_total, counted
from core.store.lists.pages import Page, page_of
from core.store.sql.tables import DIALECT
from core.store.sql.tables import audit_entry as e
from core.store.sql.tables import audit_person as p


class AuditFilter(Struct, frozen=True):
    """The filters of a list."""

    actor_kind: str | None = None
    actor: str | None = None
    """`user:ID`, `key:ID`, `command_line:ACCOUNT` or `engine`."""
    action: str | None = None
    """`booking.cancelled`, or `booking` for all that happened to bookings."""
    subject: str | None = None
    """`booking:ID`: also where a change touched it beside its own subject."""
    since: datetime | None = None
    until: datetime | None = None
    """Entries before it."""


class ListedEntry(Struct, frozen=True):
    """An entry together with what is left of its personal part."""

    id: int
    at: datetime
    actor_kind: str
    actor: str
    action: str
    subject: str
    also: list[str]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    address: str | None
    request_id: str | None
    command_id: UUID | None


async def page(engine: AsyncEngine, wanted: AuditFilter, limit: int, offset: int) -> Page[ListedEntry]:
    """One page of the entries that are wanted, and how many there are in all."""
    async with engine.connect() as connection:
        rows = (await connection.execute(statement(wanted, limit, offset))).all()
    return page_of(rows, entry_of)


def read(connection: Connection, wanted: AuditFilter, limit: int) -> Page[ListedEntry]:
    """The newest entries for the command line."""
    composed = statement(wanted, limit, 0).compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})
    rows = connection.execute(str(composed).encode(), composed.params).fetchall()
    return page_of(rows, entry_of)


def statement(wanted: AuditFilter, limit: int, offset: int) -> Select[Any]:
    """The page beside its total."""
    conditions = _conditions(wanted)
    newest = (e.c.at.desc(), e.c.id.desc())
    found = select(e).where(*conditions).order_by(*newest).limit(limit).offset(offset).subquery()
    person = func.json_build_object(
        "address", p.c.address, "request_id", p.c.request_id, "before", p.c.before, "after", p.c.after
    )
    people = select(func.json_agg(aggregate_order_by(person, p.c.id))).where(p.c.entry_id == found.c.id)
    listed = select(*found.c, people.scalar_subquery().label("people")).subquery()
    total = counted(select(e.c.id).where(*conditions))
    return beside_total(total, listed, [listed.c.at.desc(), listed.c.id.desc()])


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool] | None] = [
        None if wanted.actor_kind is None else e.c.actor_kind == wanted.actor_kind,
        None if wanted.actor is None else e.c.actor == wanted.actor,
        None if wanted.action is None else _is_action(wanted.action),
        None if wanted.subject is None else _touches(wanted.subject),
        None if wanted.since is None else e.c.at >= wanted.since,
        None if wanted.until is None else e.c.at < wanted.until,
    ]
    return [condition for condition in found if condition is not None]


def _is_action(action: str) -> ColumnElement[bool]:
    """One action, or all of one kind of subject."""
    if "." in action:
        return e.c.action == action
    return func.starts_with(e.c.action, f"{action}.")


def _touches(subject: str) -> ColumnElement[bool]:
    return or_(e.c.subject == subject, e.c.also.contains(literal([subject], ARRAY(Text()))))


def entry_of(row: tuple[Any, ...]) -> ListedEntry:
    *columns, people = row
    id_, at, actor_kind, actor, action, subject, also, before, after, address, request_id, command_id = columns
    for person in people or ():
        before, after = _joined(before, person["before"]), _joined(after, person["after"])
        address, request_id = address or person["address"], request_id or person["request_id"]
    return ListedEntry(
        id_, at, actor_kind, actor, action, subject, also or [], before, after, address, request_id, command_id
    )


def _joined(one: dict[str, Any] | None, other: dict[str, Any] | None) -> dict[str, Any] | None:
    return one if other is None else {**(one or {}), **other}
