"""When a slot is, as staff write it: with an offset, or local to its category."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from api.errors import Problem, invalid
from api.fields import clock_time, iso_date
from core.domain.calendars import instant
from core.domain.events import Refusal
from core.wire.errors import FieldProblem
from core.wire.words import REFUSALS

SLOT_MAX = timedelta(hours=24)

_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::00)?)(?:\.0{1,6})?(Z|[+-]\d{2}:\d{2})?", re.ASCII)
FORM = "a time such as 2030-01-31T09:00:00Z, in whole minutes; without an offset it is local to the category"


def moment(field: str, text: str, zone_name: str) -> datetime:
    """The instant that a text means. Raises Problem 400, also for a local time that the clocks skip."""
    found = _MOMENT.fullmatch(text.strip())
    day, at = (iso_date(found[1]), clock_time(found[2])) if found else (None, None)
    if found is None or day is None or at is None:
        raise invalid([FieldProblem(field, f"{field} must be {FORM}")])
    if found[3] is not None:
        return _with_offset(field, datetime.combine(day, at).isoformat() + found[3])
    meant = instant(day, at, zone_name)
    if meant is None:
        status, words = REFUSALS[Refusal.LOCAL_TIME_SKIPPED]
        raise Problem(status, Refusal.LOCAL_TIME_SKIPPED, words, [FieldProblem(field, words)])
    return meant


def _with_offset(field: str, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:  # an offset of a day or more
        raise invalid([FieldProblem(field, f"{field} must be {FORM}")]) from None


def check_span(starts_at: datetime, ends_at: datetime) -> None:
    """Raise Problem 400 for a slot that ends before it starts, or is longer than a slot may be."""
    if ends_at <= starts_at:
        raise invalid([FieldProblem("end_time", "end_time must be later than start_time")])
    if ends_at - starts_at > SLOT_MAX:
        raise invalid([FieldProblem("end_time", "A time slot may last 24 hours at most")])
