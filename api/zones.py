"""Time zones as clients name them."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from api.errors import invalid
from core.wire.errors import FieldProblem


def a_zone(name: str) -> str:
    """The zone's key. Raises Problem 400 for what is none."""
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid([FieldProblem("time_zone", "This is no IANA time zone such as Europe/Berlin")]) from None
