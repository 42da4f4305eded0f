"""Moments as staff send them: with an offset, or local to what is booked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

from api.http.errors import Problem, invalid
from api.http.fields import clock_time, iso_date, text
from api.http.forms import Form
from core.domain.refusals import Refusal
from core.domain.resources.local_time import instant
from core.text_forms import LOCAL_OR_INSTANT
from core.wire.errors import FieldProblem
from core.wire.refusals import REFUSALS

BACKWARDS = "end_time must be later than start_time"
LENGTH_MAX = timedelta(hours=24)
"""Of a time slot, and of a booking that is moved."""

_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::00)?)(?:\.0{1,6})?(Z|[+-]\d{2}:\d{2})?", re.ASCII)


def _written(sent: str) -> datetime | None:
    """Aware if the text has an offset, else naive."""
    found = _MOMENT.fullmatch(sent.strip())
    day, at = (iso_date(found[1]), clock_time(found[2])) if found else (None, None)
    if found is None or day is None or at is None:
        return None
    try:
        return datetime.fromisoformat(datetime.combine(day, at).isoformat() + (found[3] or ""))
    except ValueError:  # an offset of a day or more
        return None


MOMENT = Form(_written, LOCAL_OR_INSTANT.words)
Moment = Annotated[str, text(LOCAL_OR_INSTANT, examples=["2030-10-21T09:00:00Z"]), MOMENT]


def moment(field: str, sent: str, zone_name: str) -> datetime:
    """A text as an instant; without an offset it is local. Raises Problem 400 for a local time that the clocks skip."""
    found = MOMENT(sent)
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    meant = instant(found.date(), found.time(), zone_name)
    if meant is None:
        answer = REFUSALS[Refusal.LOCAL_TIME_SKIPPED]
        problems = [FieldProblem(field, answer.sentence)]
        raise Problem(answer.status, Refusal.LOCAL_TIME_SKIPPED, answer.sentence, problems)
    return meant


def ends_later(start_time: str, end_time: str) -> Iterator[FieldProblem]:
    """A rule of the body: checked before the zone is known, so only of two times with offsets or two without."""
    starts, ends = MOMENT(start_time), MOMENT(end_time)
    if (starts.tzinfo is None) == (ends.tzinfo is None) and ends <= starts:
        yield FieldProblem("end_time", BACKWARDS)


def check_span(starts_at: datetime, ends_at: datetime) -> None:
    """Raise Problem 400 for a time that ends before it starts, or is too long."""
    if ends_at <= starts_at:
        raise invalid([FieldProblem("end_time", BACKWARDS)])
    if ends_at - starts_at > LENGTH_MAX:
        raise invalid([FieldProblem("end_time", "end_time may be 24 hours after start_time at most")])
