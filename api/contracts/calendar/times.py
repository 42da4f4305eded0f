"""When a slot is, as staff write it: with an offset, or local to its category."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import Meta

from api.errors import Problem, invalid
from api.fields import TEXT, clock_time, iso_date
from api.forms import Form
from core.domain.calendars import instant
from core.domain.events import Refusal
from core.wire.errors import FieldProblem
from core.wire.words import REFUSALS

BACKWARDS = "end_time must be later than start_time"
SLOT_MAX = timedelta(hours=24)

MOMENT_FORM = (
    r"^(19|2[01])[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[T ]([01][0-9]|2[0-3]):[0-5][0-9](:00([.]0{1,6})?)?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?$"
)
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::00)?)(?:\.0{1,6})?(Z|[+-]\d{2}:\d{2})?", re.ASCII)
FORM = "a time such as 2030-01-31T09:00:00Z, in whole minutes; without an offset it is local to the category"


def _written(text: str) -> datetime | None:
    """With its offset, or without one as it was written."""
    found = _MOMENT.fullmatch(text.strip())
    day, at = (iso_date(found[1]), clock_time(found[2])) if found else (None, None)
    if found is None or day is None or at is None:
        return None
    try:
        return datetime.fromisoformat(datetime.combine(day, at).isoformat() + (found[3] or ""))
    except ValueError:  # an offset of a day or more
        return None


MOMENT = Form(_written, f"{{field}} must be {FORM}")
Moment = Annotated[
    str,
    Meta(max_length=64, pattern=TEXT, examples=["2030-10-21T09:00:00Z"], extra_json_schema={"x-form": MOMENT_FORM}),
    MOMENT,
]


def moment(field: str, text: str, zone_name: str) -> datetime:
    """The instant that a text means. Raises Problem 400 for a local time that the clocks skip."""
    found = MOMENT(text)
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    meant = instant(found.date(), found.time(), zone_name)
    if meant is None:
        status, words = REFUSALS[Refusal.LOCAL_TIME_SKIPPED]
        raise Problem(status, Refusal.LOCAL_TIME_SKIPPED, words, [FieldProblem(field, words)])
    return meant


def ends_later(start_time: str, end_time: str) -> Iterator[FieldProblem]:
    """The rule, as far as it can be said before the category's zone is known: offsets or none on both."""
    starts, ends = MOMENT(start_time), MOMENT(end_time)
    if (starts.tzinfo is None) == (ends.tzinfo is None) and ends <= starts:
        yield FieldProblem("end_time", BACKWARDS)


def check_span(starts_at: datetime, ends_at: datetime) -> None:
    """Raise Problem 400 for a slot that ends before it starts, or is longer than a slot may be."""
    if ends_at <= starts_at:
        raise invalid([FieldProblem("end_time", BACKWARDS)])
    if ends_at - starts_at > SLOT_MAX:
        raise invalid([FieldProblem("end_time", "A time slot may last 24 hours at most")])
