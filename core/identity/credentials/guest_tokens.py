"""Tokens of links in mails: for a guest's booking, and to confirm an address.

Each is made of the installation's secret and what it is for, so that a mail that is sent again has the same link.
Only its hash is kept, and only what is kept holds.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

USER_DIGITS_MAX = 18
"""Of an account's number: a bigint has no more that are safe."""
MARK_CHARS = 22
"""132 bits: nobody guesses one."""
UNSIGNED = "u."
"""The mark of a token that was given without a login. No other has a dot."""


def booking_token(secret_key: str, public_uuid: UUID, email: str) -> str:
    """For one booking and the reader of one address."""
    return _token(secret_key, "guest booking", public_uuid.hex, email.strip().lower())


def unsigned_token(secret_key: str, public_uuid: UUID, email: str) -> str:
    """For whoever made a booking without a login: it shows nothing about the client."""
    return UNSIGNED + _token(secret_key, "unsigned booking", public_uuid.hex, email.strip().lower())


def shows_client(token: str) -> bool:
    """A token is looked for with its mark, so that nobody can take it off."""
    return not token.startswith(UNSIGNED)


def address_token(secret_key: str, delivery_id: UUID, email: str) -> str:
    """For the answer to the mail that asks whether an address is its reader's."""
    return _token(secret_key, "mail address", delivery_id.hex, email.strip().lower())


def mail_mark(secret_key: str, delivery_id: UUID, email: str) -> str:
    """In a mail's `Message-ID`: whoever brings it back has seen this mail, to this address."""
    return _token(secret_key, "mail mark", delivery_id.hex, email.strip().lower())[:MARK_CHARS]


def is_mail_mark(mark: str, secret_keys: Sequence[str], delivery_id: UUID, email: str) -> bool:
    return mark.isascii() and any(hmac.compare_digest(mark, mail_mark(key, delivery_id, email)) for key in secret_keys)


def reminders_token(secret_key: str, user_id: int, role: str) -> str:
    """For whoever reads a person's reminders. Nothing of it is kept: it says itself whose reminders it is about."""
    return f"{user_id}-{role}-{_token(secret_key, 'reminders', str(user_id), role)}"


def read_reminders_token(token: str, secret_keys: Sequence[str]) -> tuple[int, str] | None:
    """(user, role), if it was made with one of these keys."""
    user_id, _, rest = token.partition("-")
    role = rest.partition("-")[0]
    if not (user_id.isascii() and user_id.isdigit() and len(user_id) <= USER_DIGITS_MAX and token.isascii()):
        return None
    known = (reminders_token(key, int(user_id), role) for key in secret_keys)
    return (int(user_id), role) if any(hmac.compare_digest(token, one) for one in known) else None


def _token(secret_key: str, *parts: str) -> str:
    """256 bits, URL-safe, as `core.identity.principals.new_token` makes at random."""
    digest = hmac.new(secret_key.encode(), "\0".join(parts).encode("utf-8", "surrogatepass"), sha256).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
