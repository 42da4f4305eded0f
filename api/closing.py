"""Closing a resource: what every contract that offers it holds a request to."""

from __future__ import annotations

from datetime import date, time, timedelta

from api.errors import invalid
from core.domain.commands import CloseResource
from core.wire.errors import FieldProblem

CLOSURE_DAYS_MAX = 366


def closing(
    resource_id: int, first: date, last: date, starts: time | None, ends: time | None, reason: str
) -> CloseResource:
    """The command for local days and times. Raises Problem 400 for an end before the start, and for too many days."""
    if last < first or (last == first and ends is not None and ends <= (starts or time.min)):
        raise invalid([FieldProblem("end_date", "A closure must end after it starts")])
    if last - first >= timedelta(days=CLOSURE_DAYS_MAX):
        raise invalid([FieldProblem("end_date", f"A closure may last {CLOSURE_DAYS_MAX} days at most")])
    return CloseResource(resource_id, first, last, starts, ends, reason)
