"""Who may change what: practitioners and the house (staff) each keep their own locations and services."""

from __future__ import annotations

from api.http.errors import Problem, forbidden
from core.identity.principals import Principal
from core.store.catalogue import practitioners
from core.store.connections.database import AsyncConnection


def check_may_edit(principal: Principal, owner_user_id: int | None) -> None:
    """Raise Problem 403 unless the caller is staff or the owner. Anybody may read it, so it is no 404."""
    if not principal.is_staff and (owner_user_id is None or owner_user_id != principal.user_id):
        raise forbidden()


async def owner_for(connection: AsyncConnection, principal: Principal) -> int | None:
    """The practitioner who will keep what a caller makes: themselves. None, the house, for staff who are none.

    Raises Problem 403 for others.
    """
    owner_id = await practitioners.id_of_user(connection, principal.user_id)
    if owner_id is None and not principal.is_staff:
        raise forbidden()
    return owner_id


def not_found() -> Problem:
    """404 for what does not exist or what the caller has no part in."""
    return Problem(404, "not_found", "Not found")
