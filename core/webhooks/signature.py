"""Signatures of messages, by the Standard Webhooks specification (https://www.standardwebhooks.com), symmetric, `v1`."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

SECRET_PREFIX = "whsec_"  # noqa: S105 - says what it is where one is found in a log or a repository
SECRET_BYTES = 32
SECRET_LEAST_BYTES = 24
SECRET_MOST_BYTES = 64
VERSION = "v1"


class BadSecretError(ValueError):
    """A text is no secret of a webhook."""


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def headers_for(message_id: str, sent_at: datetime, body: bytes, all_secrets: Sequence[str]) -> dict[str, str]:
    """The headers of one attempt. Several secrets make several signatures: a receiver may know either of them.

    `sent_at` is the attempt's: receivers refuse what is older than some minutes.
    """
    timestamp = int(sent_at.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(message_id, timestamp, body, secret) for secret in all_secrets),
    }


def signature(message_id: str, timestamp: int, body: bytes, secret: str) -> str:
    """Raises `BadSecretError`."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return f"{VERSION},{base64.b64encode(hmac.digest(_key(secret), content, 'sha256')).decode()}"


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise BadSecretError("A webhook's secret is whsec_ and base64") from None
    if not SECRET_LEAST_BYTES <= len(key) <= SECRET_MOST_BYTES:
        raise BadSecretError(f"A webhook's secret has {SECRET_LEAST_BYTES} to {SECRET_MOST_BYTES} bytes")
    return key
