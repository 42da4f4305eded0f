"""What responders write into the audit log: a change that its sender made, in the change's own transaction."""

from __future__ import annotations

from typing import Any

import falcon.asgi
from msgspec import Struct

from core.domain.commands import Actor, ActorKind
from core.identity.principals import Principal, PrincipalKind
from core.identity.users import User
from core.store.audit import AuditEntry, Author, author_of, change_of, record_async
from core.store.connections.database import AsyncConnection

State = Struct | dict[str, Any] | None

PERSONAL = {
    "user": frozenset(
        {"username", "first_name", "last_name", "email", "phone", "gender", "country", "country_code"},
    ),
    "practitioner": frozenset({"name", "email", "bio", "schedule"}),
    "location": frozenset({"name", "address", "rooms"}),
    "service": frozenset({"name", "description"}),
    "session": frozenset({"title"}),
}
"""By kind of subject: the fields whose values go with their person (core/identity/personal_data/inventory.py)."""


def author(req: falcon.asgi.Request) -> Author:
    """Who sends a request, as the log names them."""
    principal: Principal = req.context.principal
    found = author_of(principal.actor, req.context.address, req.context.request_id)
    return found.as_superuser() if principal.kind is PrincipalKind.SUPERUSER else found


async def note_change(
    req: falcon.asgi.Request,
    connection: AsyncConnection,
    action: str,
    id_: object,
    before: State = None,
    after: State = None,
    *,
    whose: int | None = None,
    by: User | None = None,
) -> None:
    """`action` is `KIND.what-happened`. `whose` is the user whom personal values are about; None is the house.

    `by` is the user who signs in by this request. Nothing is written if nothing changed. Call it within a transaction.
    """
    kind = action.partition(".")[0]
    change = change_of(before, after, PERSONAL.get(kind, ()))
    if change.is_empty:
        return
    who = author(req) if by is None else _signing_in(req, by)
    entry = AuditEntry(who, action, f"{kind}:{id_}", change.before, change.after, change.about(whose))
    await record_async(connection, entry)


def is_audited(user: User) -> bool:
    """Whether what somebody changes goes into the log who is not signed in yet."""
    return user.is_staff or user.is_superuser


def _signing_in(req: falcon.asgi.Request, user: User) -> Author:
    found = author_of(Actor(ActorKind.STAFF, user.id), req.context.address, req.context.request_id)
    return found.as_superuser() if user.is_superuser else found
