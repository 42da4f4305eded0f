"""The audit log: who changed what, when and from where, with the state before and after (docs/operations.md).

An entry is written in the transaction of its change. It holds ids and what is not personal; an address of a person
and values such as names lie beside it in `audit_person`, each row with its person, and go when that person leaves.
No secret is ever given to it: a new password is `{"password": "changed"}`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from core.domain.commands import Actor, ActorKind
from core.store.connections.database import AsyncConnection, Connection
from core.store.sql.parameters import json_of

AUDIT_DAYS = 400
"""How long entries are kept. The trigger of migration 0039 deletes none earlier."""


class AuthorKind(StrEnum):
    """The kinds of actors. Stable: a filter of the list."""

    USER = "user"
    STAFF = "staff"
    SUPERUSER = "superuser"
    """Entries from before this kind existed have `staff`."""
    AGENT = "agent"
    COMMAND_LINE = "command_line"
    ENGINE = "engine"


class Author(Struct, frozen=True):
    """Who makes a change, and from where."""

    kind: AuthorKind
    name: str
    """`user:ID`, `key:ID`, `command_line:ACCOUNT` or `engine`."""
    user_id: int | None = None
    address: str | None = None
    request_id: str | None = None

    def as_superuser(self) -> Author:
        return replace(self, kind=AuthorKind.SUPERUSER)


ENGINE_AUTHOR = Author(AuthorKind.ENGINE, "engine")


def author_of(actor: Actor, address: str | None, request_id: str | None) -> Author:
    """The sender of a command, or of a request. The engine does not tell superusers from staff: `SQL_ENTER` does."""
    if actor.kind is ActorKind.ENGINE:
        return Author(AuthorKind.ENGINE, "engine", request_id=request_id)
    return Author(AuthorKind(actor.kind), actor.owner or str(actor.kind), actor.user_id, address, request_id)


Values = Mapping[str, Any]


class Personal(Struct, frozen=True):
    """The part of an entry about one person."""

    user_id: int | None
    address: str | None = None
    request_id: str | None = None
    before: Values | None = None
    after: Values | None = None


class AuditEntry(Struct, frozen=True):
    """A row about to be written; `at` is the database's present time unless it is given."""

    author: Author
    action: str
    """`KIND.what-happened`, of the subject's kind."""
    subject: str
    """`KIND:ID`."""
    before: Values | None = None
    after: Values | None = None
    about: Personal | None = None
    """The personal part of before and after."""
    also: Sequence[str] = ()
    command_id: UUID | None = None
    booking_before: int | None = None
    """A booking whose state before is read from its row, in the statement that writes the entry."""


class Change(Struct, frozen=True):
    """What changed, before and after, with the personal part apart."""

    before: Values | None
    after: Values | None
    personal_before: Values | None = None
    personal_after: Values | None = None

    @property
    def is_empty(self) -> bool:
        """Whether both states are known and do not differ."""
        states = (self.before, self.after)
        return None not in states and not any((*states, self.personal_before, self.personal_after))

    def about(self, user_id: int | None) -> Personal | None:
        """The personal part, as that person's."""
        if self.personal_before is None and self.personal_after is None:
            return None
        return Personal(user_id, before=self.personal_before, after=self.personal_after)


SECRETS = ("password", "token", "secret", "hash")
"""A field whose name has one of these words is only ever shown as `CHANGED`."""
CHANGED = "changed"
_NOT_TOLD = frozenset({"updated_at", "created_at", "last_login"})


def change_of(before: Struct | Values | None, after: Struct | Values | None, personal: Collection[str] = ()) -> Change:
    """What differs between two states of one thing; None: it did not exist before, or does not any more.

    `personal` names the fields whose values go with their person.
    """
    was, now = _told(before), _told(after)
    if before is not None and after is not None:
        stayed = {name for name, value in was.items() if name in now and now[name] == value}
        was, now = ({name: value for name, value in one.items() if name not in stayed} for one in (was, now))
    return Change(
        None if before is None else _part(was, personal, wanted=False),
        None if after is None else _part(now, personal, wanted=False),
        _part(was, personal, wanted=True) or None,
        _part(now, personal, wanted=True) or None,
    )


def _told(state: Struct | Values | None) -> dict[str, Any]:
    built: dict[str, Any] = {} if state is None else msgspec.to_builtins(state)
    return {name: value for name, value in built.items() if name not in _NOT_TOLD}


def _part(values: Values, personal: Collection[str], *, wanted: bool) -> dict[str, Any]:
    part = {name: value for name, value in values.items() if (name in personal) is wanted}
    return {name: CHANGED if any(word in name for word in SECRETS) else value for name, value in part.items()}


class _Row(Struct, frozen=True, omit_defaults=True):
    actor_kind: str
    actor: str
    action: str
    subject: str
    also: Sequence[str] | None
    before: Values | None
    after: Values | None
    address: str | None
    request_id: str | None
    command_id: UUID | None
    booking: int | None
    user_id: int | None
    people: Sequence[Personal]


_KIND = """CASE WHEN n.actor_kind = 'staff' AND (SELECT u.is_superuser FROM user_account u WHERE u.id = n.user_id)
    THEN 'superuser' ELSE n.actor_kind END"""
_BOOKING_BEFORE = """(SELECT jsonb_build_object('status', b.status, 'payment_status', b.payment_status, 'starts_at', b.starts_at,
    'ends_at', b.ends_at, 'resource_id', b.resource_id) FROM booking b WHERE b.id = n.booking)"""
SQL_ENTER = f"""
WITH n AS MATERIALIZED (
    SELECT nextval('audit_entry_id_seq') AS id, coalesce(%s, clock_timestamp()) AS at, r.*
    FROM json_to_recordset(%s::json) AS r (
        actor_kind text, actor text, action text, subject text, also text[], before jsonb, after jsonb, address text,
        request_id text, command_id uuid, booking bigint, user_id bigint, people json)
), people AS (
    INSERT INTO audit_person (entry_id, at, user_id, address, request_id, before, after)
    SELECT n.id, n.at, p.user_id, p.address, p.request_id, p.before, p.after
    FROM n CROSS JOIN LATERAL json_to_recordset(n.people) AS p (
        user_id bigint, address text, request_id text, before jsonb, after jsonb)
)
INSERT INTO audit_entry (id, at, actor_kind, actor, action, subject, also, before, after, address, request_id, command_id)
SELECT n.id, n.at, {_KIND}, n.actor, n.action, n.subject, n.also,
       CASE WHEN n.booking IS NULL THEN n.before ELSE coalesce({_BOOKING_BEFORE}, '{{}}') || coalesce(n.before, '{{}}') END,
       n.after, n.address, n.request_id, n.command_id
FROM n
"""
"""Sent before the change is written, while the row of a booking still has its earlier state."""


def enter_parameters(entries: Sequence[AuditEntry], at: datetime | None = None) -> list[Any]:
    """For `SQL_ENTER`."""
    return [at, json_of([_row(entry) for entry in entries])]


def _row(entry: AuditEntry) -> _Row:
    author = entry.author
    of_machine = author.user_id is None
    people = [] if entry.about is None else [entry.about]
    if not of_machine:
        people.append(Personal(author.user_id, author.address, author.request_id))
    return _Row(
        author.kind,
        author.name,
        entry.action,
        entry.subject,
        list(entry.also) or None,
        entry.before,
        entry.after,
        author.address if of_machine else None,
        author.request_id if of_machine else None,
        entry.command_id,
        entry.booking_before,
        author.user_id,
        people,
    )


def record(connection: Connection, entry: AuditEntry) -> None:
    """Write an entry, in the transaction of the change that it tells of."""
    connection.execute(SQL_ENTER.encode(), enter_parameters([entry]))


async def record_async(connection: AsyncConnection, entry: AuditEntry) -> None:
    """The same on an event loop."""
    await connection.execute(SQL_ENTER.encode(), enter_parameters([entry]))
