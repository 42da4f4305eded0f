"""Close codes of the feeds: why a socket was closed, and what its client should do.

Codes from 4400 on are an HTTP status plus 4000 (RFC 6455 leaves 4000 to 4999 to us); the rest
are the registry's own.
"""

from __future__ import annotations

from msgspec import Struct


class CloseCode(Struct, frozen=True):
    """A close code with its reason, at most 123 bytes (RFC 6455, 5.5)."""

    code: int
    reason: str


TOO_LARGE = CloseCode(1009, "frame too large: send less")
"""Sent by the library, in its own words."""
RESTARTING = CloseCode(1012, "the notifier restarts: connect again and resume from your last position")
UNAVAILABLE = CloseCode(1013, "the feed cannot be read for a moment: connect again and resume from your last position")
TOO_SLOW = CloseCode(4008, "too slow: connect again and resume from your last position")
BAD_REQUESTS = CloseCode(4400, "too many messages that could not be understood")
NOT_AUTHENTICATED = CloseCode(4401, "authenticate: log in, or send a valid token as the first message")
LOGIN_ENDED = CloseCode(4401, "this login has ended")
FORBIDDEN = CloseCode(4403, "not allowed here")

CLOSE_CODES = (
    TOO_LARGE,
    RESTARTING,
    UNAVAILABLE,
    TOO_SLOW,
    BAD_REQUESTS,
    NOT_AUTHENTICATED,
    LOGIN_ENDED,
    FORBIDDEN,
)
"""All there are."""
