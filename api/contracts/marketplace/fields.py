"""Field types and rules that the marketplace's bodies share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Protocol

from msgspec import Meta, Struct, UnsetType

from api.http.fields import EARLIEST, LATEST, text
from api.http.forms import Form
from core import text_forms
from core.domain.bookings.rooms import at_minute
from core.domain.marketplace.schedules import WINDOWS_MAX, Window, is_sound
from core.domain.resources.local_time import MINUTES_PER_DAY
from core.wire.errors import FieldProblem

LongText = Annotated[str, text(text_forms.TEXT, most=2000)]


def _with_offset(value: datetime) -> datetime | None:
    return None if value.tzinfo is None else value


def _in_range(value: datetime) -> datetime | None:
    return value if EARLIEST <= value.date() <= LATEST else None


def _to_the_minute(value: datetime) -> datetime | None:
    return None if value.second or value.microsecond else value


INSTANT = Form(_with_offset, "{field} needs an offset from UTC, such as 2024-03-15T10:00:00Z")
IN_RANGE = Form(_in_range, "{field} is out of range")
TO_THE_MINUTE = Form(_to_the_minute, "{field} must be a whole minute")
Moment = Annotated[
    datetime,
    Meta(examples=["2024-03-15T10:00:00Z"], extra_json_schema={"pattern": text_forms.WHOLE_MINUTE.described}),
    INSTANT,
    IN_RANGE,
    TO_THE_MINUTE,
]
Minutes = Annotated[int, Meta(ge=1, le=MINUTES_PER_DAY)]
BufferMinutes = Annotated[int, Meta(ge=0, le=MINUTES_PER_DAY)]
Seats = Annotated[int, Meta(ge=1, le=100_000)]
MeetingUrl = Annotated[str, text(text_forms.HTTPS_URL, most=500)]
Opens = Annotated[str, text(text_forms.CLOCK)]
Closes = Annotated[str, text(text_forms.CLOSING)]


class ClockWindow(Struct, frozen=True, forbid_unknown_fields=True):
    """A stretch of a weekday, 0 is Monday; an end of 00:00 or 24:00 is the end of the day."""

    weekday: Annotated[int, Meta(ge=0, le=6)]
    start: Opens
    end: Closes


def _windows(sent: Sequence[ClockWindow]) -> tuple[Window, ...] | None:
    """In order; None for windows that end before they begin, or overlap."""
    found = tuple(sorted(Window(w.weekday, _minute(w.start), _minute(w.end) or MINUTES_PER_DAY) for w in sent))
    return found if is_sound(found) else None


WINDOWS = Form(_windows, "{field} must each end after they start, and none may overlap another")
ClockWindows = Annotated[list[ClockWindow], Meta(max_length=WINDOWS_MAX), WINDOWS]


def clock_windows(found: Sequence[Window]) -> list[ClockWindow]:
    return [ClockWindow(w.weekday, _clock(w.opens_minute), _clock(w.closes_minute)) for w in sorted(found)]


def _minute(clock: str) -> int:
    hour, minute = clock.split(":")[:2]
    return int(hour) * 60 + int(minute)


def _clock(minute: int) -> str:
    return "24:00" if minute == MINUTES_PER_DAY else at_minute(minute).isoformat("minutes")


SPAN_MAX = timedelta(days=366)


def ends_later(body: Spanned) -> Iterator[FieldProblem]:
    """The rule of bodies with a time of their own."""
    starts, ends = body.start_time, body.end_time
    if isinstance(starts, UnsetType) or isinstance(ends, UnsetType):
        return
    starts_at, ends_at = span(starts, ends)
    if ends_at <= starts_at:
        yield FieldProblem("end_time", "end_time must be later than start_time")
    elif ends_at - starts_at > SPAN_MAX:
        yield FieldProblem("end_time", "end_time is too long after start_time")


class Spanned(Protocol):
    @property
    def start_time(self) -> datetime | UnsetType: ...
    @property
    def end_time(self) -> datetime | UnsetType: ...


def span(starts: datetime, ends: datetime) -> tuple[datetime, datetime]:
    """(start, end) of a body's moments, in UTC."""
    return _utc(starts), _utc(ends)


def _utc(value: datetime) -> datetime:
    return TO_THE_MINUTE(IN_RANGE(INSTANT(value))).astimezone(UTC)
