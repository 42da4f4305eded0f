"""Whose calendar a caller may make a link to, and by which role."""

from __future__ import annotations

from msgspec import Struct

from api.http.errors import forbidden, invalid
from core.calendars.subscriptions import LinkKind, LinkRole
from core.identity.principals import Principal
from core.store.calendars import links
from core.store.catalogue import practitioners
from core.store.connections.database import AsyncConnection
from core.wire.errors import FieldProblem

NO_SUBJECT = "This kind has none: leave it out"
WHICH = "Say which one: its id"


class LinkSubject(Struct, frozen=True):
    role: LinkRole
    id: int | None
    name: str
    """What the calendar is called, if nobody says it."""


async def subject_of(
    connection: AsyncConnection, principal: Principal, kind: LinkKind, subject_id: int | None
) -> LinkSubject:
    """Raises Problem 403, or 400 for a subject that does not fit its kind or does not exist."""
    match kind:
        case LinkKind.USER:
            _refuse(subject_id)
            return LinkSubject(LinkRole.USER, principal.user_id, "Bookings")
        case LinkKind.DESK:
            _check_staff(principal)
            _refuse(subject_id)
            return LinkSubject(LinkRole.STAFF, None, "Desk")
        case LinkKind.PRACTITIONER:
            return await _practitioner(connection, principal, subject_id)
        case LinkKind.ROOM | LinkKind.CATEGORY:
            _check_staff(principal)
            return await _named(connection, kind, subject_id)


async def _practitioner(connection: AsyncConnection, principal: Principal, subject_id: int | None) -> LinkSubject:
    own_id = await practitioners.id_of_user(connection, principal.user_id)
    if own_id is not None and subject_id in {None, own_id} and principal.is_practitioner:
        found = await _named(connection, LinkKind.PRACTITIONER, own_id)
        return LinkSubject(LinkRole.PRACTITIONER, own_id, found.name)
    _check_staff(principal)
    return await _named(connection, LinkKind.PRACTITIONER, subject_id)


async def _named(connection: AsyncConnection, kind: LinkKind, subject_id: int | None) -> LinkSubject:
    if subject_id is None:
        raise invalid([FieldProblem("subject_id", WHICH)])
    name = await links.subject_name(connection, kind, subject_id)
    if name is None:
        raise invalid([FieldProblem("subject_id", f"There is no such {kind}")])
    return LinkSubject(LinkRole.STAFF, subject_id, name)


def _check_staff(principal: Principal) -> None:
    if not principal.is_staff:
        raise forbidden()


def _refuse(subject_id: int | None) -> None:
    if subject_id is not None:
        raise invalid([FieldProblem("subject_id", NO_SUBJECT)])
