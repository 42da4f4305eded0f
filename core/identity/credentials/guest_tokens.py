"""Tokens of links in mails: for a guest's booking, and to confirm an address.

Each is made of the installation's secret and what it is for, so that a mail that is sent again has the same link.
Only its hash is kept, and only what is kept holds.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256
from uuid import UUID


def booking_token(secret_key: str, public_uuid: UUID, email: str) -> str:
    """For one booking and the reader of one address."""
    return _token(secret_key, "guest booking", public_uuid.hex, email.strip().lower())


def address_token(secret_key: str, delivery_id: UUID, email: str) -> str:
    """For the answer to the mail that asks whether an address is its reader's."""
    return _token(secret_key, "mail address", delivery_id.hex, email.strip().lower())


def _token(secret_key: str, *parts: str) -> str:
    """256 bits, URL-safe, as `core.identity.principals.new_token` makes at random."""
    digest = hmac.new(secret_key.encode(), "\0".join(parts).encode("utf-8", "surrogatepass"), sha256).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
