"""`POST /api/admin/users/{id}/confirm-email/`: staff vouch for the address that an agent gave."""

from __future__ import annotations

from falcon.asgi import Request, Response
from msgspec import Struct

from api.accounts.fields import is_email
from api.http.audit import note_change
from api.http.errors import Problem
from api.http.responses import respond
from api.openapi import operation
from core.identity import account_changes, users
from core.identity.permissions import why_not_change
from core.identity.users import TakenError
from core.store.connections.pool import Pool
from core.wire.answers import Done


class ConfirmedEmail(Struct, frozen=True):
    id: int
    email: str


class EmailConfirmed(Done, frozen=True, kw_only=True):
    message: str = "Email confirmed"
    data: ConfirmedEmail


class ContactEmail:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation(
        "Vouch for the address that an agent gave for a user",
        answers={200: EmailConfirmed},
        refuses=((409, "email_taken"), "nothing_to_confirm"),
    )
    async def on_post(self, req: Request, resp: Response, user_id: int) -> None:
        """From now on it is a login, a reset target and a possible link; before, it was none of these."""
        async with self._pool.connection() as connection, connection.transaction():
            person = await account_changes.person(connection, user_id)
            if person is None:
                raise Problem(404, "not_found", "User not found")
            why_not = why_not_change(req.context.principal, person, {"email"})
            if why_not is not None:
                raise Problem(403, "forbidden", why_not)
            if person.email and not is_email(person.email):
                raise Problem(409, "nothing_to_confirm", f"Mail cannot be sent to {person.email}")
            try:
                confirmed = await users.confirm_contact_email(connection, user_id)
            except TakenError:
                raise Problem(409, "email_taken", "Another account logs in with this address") from None
            if confirmed:
                was, now = {"email_is_login": False}, {"email_is_login": True}
                await note_change(req, connection, "user.email_confirmed", user_id, was, now)
            user = await users.by_id(connection, user_id)
        if user is None or not confirmed:
            raise Problem(409, "nothing_to_confirm", "This account has no address that waits to be confirmed")
        respond(resp, EmailConfirmed(data=ConfirmedEmail(user.id, user.email)))
