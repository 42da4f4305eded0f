"""Whose account somebody comes back to from a provider: theirs by link, by verified address, or a new one."""

from __future__ import annotations

from api.accounts.fields import is_email
from api.accounts.oauth.provider import Identity
from api.http.errors import Problem
from core.identity import users
from core.identity.account_names import email_key
from core.identity.credentials import linked_accounts
from core.identity.users import NewUser, TakenError, User
from core.store.connections.database import AsyncConnection
from core.store.connections.pool import Pool
from core.text_forms import OPTIONAL_NAME

NAME_MAX_CHARS = 150


def _not_verified(provider: str) -> Problem:
    message = f"Your {provider} account has no verified email address; verify it there and sign in again"
    return Problem(403, "email_not_verified", message)


def _in_use() -> Problem:
    """For an account whose own address nobody has proved. Resetting its password proves it."""
    message = "An account with this email address exists already. Reset its password once to show it is yours"
    return Problem(403, "email_in_use", message)


class AccountMatch:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def user(self, identity: Identity) -> User:
        """Raises Problem 403 if this identity opens no account."""
        async with self._pool.connection() as connection, connection.transaction():
            found = await linked_accounts.owner(connection, identity.provider, identity.subject)
            if found is None:
                found = await _by_address(connection, identity)
        if not found.is_active:
            raise Problem(403, "account_closed", "This account is closed")
        return found


async def _by_address(connection: AsyncConnection, identity: Identity) -> User:
    email = identity.email
    if email is None or not is_email(email):
        raise _not_verified(identity.provider)
    found = await users.by_email(connection, email) or await _create(connection, identity, email)
    if not await linked_accounts.link(connection, identity.provider, identity.subject, found.id, email_key(email)):
        raise _in_use()
    return found


async def _create(connection: AsyncConnection, identity: Identity, email: str) -> User:
    new = NewUser(
        username=email,
        email=email,
        email_is_verified=True,
        first_name=_name(identity.first_name),
        last_name=_name(identity.last_name),
    )
    try:
        created = await users.by_id(connection, await users.create_user(connection, new))
    except TakenError:
        raise _in_use() from None
    assert created is not None  # noqa: S101 - it was made on the line before
    return created


def _name(sent: str) -> str:
    """A provider's name for somebody, if it is one that our pages may show; else none."""
    return sent if len(sent) <= NAME_MAX_CHARS and OPTIONAL_NAME.fits(sent) else ""
