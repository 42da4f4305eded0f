"""What a request says about how it wants to be answered: RFC 7240, Idempotency-Key, a deadline."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import falcon.asgi
from msgspec import Struct

from api.http.errors import Problem, invalid
from core.text_forms import IDEMPOTENCY_KEY, INSTANT
from core.wire.errors import FieldProblem

WAIT_DEFAULT_S = 10.0
WAIT_MAX_S = 30.0
KEY_MAX_CHARS = 255
ANONYMOUS_KEY_MIN_CHARS = 16
"""Anonymous callers share a scope with their address; a short key could be guessed."""

_WAIT = re.compile(r'\s*wait\s*=\s*"?(\d{1,6})"?\s*', re.IGNORECASE)
_ASYNC = re.compile(r"\s*respond-async\s*", re.IGNORECASE)


class Preferences(Struct, frozen=True):
    respond_async: bool
    wait_s: float


def preferences(req: falcon.asgi.Request, default_s: float = WAIT_DEFAULT_S) -> Preferences:
    """`Prefer: respond-async, wait=N`. Anything else is ignored (RFC 7240, 2)."""
    sent = req.get_header("Prefer")
    if sent is None:
        return Preferences(respond_async=False, wait_s=default_s)
    parts = re.split("[,;]", sent)
    waits = [int(found.group(1)) for part in parts if (found := _WAIT.fullmatch(part))]
    return Preferences(
        respond_async=any(_ASYNC.fullmatch(part) for part in parts),
        wait_s=min(float(waits[0]), WAIT_MAX_S) if waits else default_s,
    )


def idempotency_key(req: falcon.asgi.Request, *, anonymous: bool) -> str | None:
    """The client's name for one intent. Raises Problem 400 for one that is too short, too long or not visible ASCII."""
    key = req.get_header("Idempotency-Key")
    if key is None:
        return None
    least = ANONYMOUS_KEY_MIN_CHARS if anonymous else 1
    if not IDEMPOTENCY_KEY.fits(key) or not least <= len(key) <= KEY_MAX_CHARS:
        words = f"Idempotency-Key must be {least} to {KEY_MAX_CHARS} visible ASCII characters"
        raise Problem(400, "invalid_idempotency_key", words, [FieldProblem("Idempotency-Key", words)])
    return key


def deadline(req: falcon.asgi.Request) -> datetime | None:
    """`Holdfast-Expires-At`: decide by then or refuse. An RFC 3339 time with an offset."""
    raw = req.get_header("Holdfast-Expires-At")
    if raw is None:
        return None
    try:
        moment = datetime.fromisoformat(raw)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise invalid([FieldProblem("Holdfast-Expires-At", INSTANT.sentence("Holdfast-Expires-At", raw))])
