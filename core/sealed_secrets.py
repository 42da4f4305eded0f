"""Secrets that must be known to be used, as the database keeps them: encrypted. Those that sign webhooks, and the URLs
of calendars.

The key is derived from HOLDFAST_SECRET_KEY, so a copy of the database alone opens nothing. What was sealed with the
key before it is opened as long as HOLDFAST_SECRET_KEY_PREVIOUS holds that one, and sealed anew (`is_current`).
"""

from __future__ import annotations

import base64
import hmac

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from core.settings import Settings

WEBHOOK_SECRETS = b"holdfast webhook secrets"
CALENDAR_URLS = b"holdfast calendar urls"


class UnreadableSecretError(Exception):
    """Sealed with a key that this process does not know."""


class SecretBox:
    """Seals with today's key; opens with that or the one before it."""

    def __init__(self, secret_key: str, previous: str | None = None, purpose: bytes = WEBHOOK_SECRETS) -> None:
        """What was sealed for one purpose is not opened for another."""
        self._present = _fernet(secret_key, purpose)
        self._all = MultiFernet([self._present, *([_fernet(previous, purpose)] if previous else [])])

    def seal(self, secret: str) -> str:
        return self._present.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """Raises `UnreadableSecretError`."""
        try:
            return self._all.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise UnreadableSecretError from None

    def is_current(self, sealed: str) -> bool:
        """Whether it is sealed with today's key."""
        try:
            self._present.decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True


def calendar_box(settings: Settings) -> SecretBox:
    """For the URLs of calendars that resources follow."""
    return SecretBox(settings.secret_key, settings.secret_key_previous, CALENDAR_URLS)


def _fernet(secret_key: str, purpose: bytes) -> Fernet:
    """AES-128-CBC and HMAC-SHA256, with a key that is used for nothing else."""
    return Fernet(base64.urlsafe_b64encode(hmac.digest(secret_key.encode(), purpose, "sha256")))
