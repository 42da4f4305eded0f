"""Requests to close a resource: the rules and the command that contracts share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time, timedelta

from api.http.fields import CLOCK, DAY
from core.domain.commands import CloseResource
from core.wire.errors import FieldProblem

CLOSURE_DAYS_MAX = 366
ENDS_TOO_SOON = "A closure must end after it starts"


def close_command(
    resource_id: int, start_date: str, end_date: str | None, start: str | None, end: str | None, reason: str
) -> CloseResource:
    """The command for local days and times as a body has them: whole days unless times are given."""
    return CloseResource(resource_id, *_days(start_date, end_date), _clock(start), _clock(end), reason)


def closure_problems(
    start_date: str, end_date: str | None, start: str | None, end: str | None, *, end_name: str
) -> Iterator[FieldProblem]:
    """The rule: an end after the start, and not too many days. `end_name` is what the body calls the time of the end."""
    (first, last), starts, ends = _days(start_date, end_date), _clock(start), _clock(end)
    if last < first:
        yield FieldProblem("end_date", ENDS_TOO_SOON)
    elif last == first and ends is not None and ends <= (starts or time.min):
        yield FieldProblem(end_name, ENDS_TOO_SOON)
    elif last - first >= timedelta(days=CLOSURE_DAYS_MAX):
        yield FieldProblem("end_date", f"A closure may last {CLOSURE_DAYS_MAX} days at most")


def _days(start_date: str, end_date: str | None) -> tuple[date, date]:
    return DAY(start_date), DAY(end_date or start_date)


def _clock(text: str | None) -> time | None:
    return CLOCK(text) if text else None
