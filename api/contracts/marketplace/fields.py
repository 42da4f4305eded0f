"""Field types and readings that the catalogue's bodies share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import UNSET, Meta, Struct
from msgspec.structs import asdict

from api.errors import Problem, invalid
from api.fields import EARLIEST, LATEST, MINUTE_FORM, TEXT, ZoneText
from core.access import Principal
from core.domain.calendars import MINUTES_PER_DAY
from core.domain.marketplace.schedules import WINDOWS_MAX, Window, is_sound
from core.domain.rooms import at_minute
from core.wire.errors import FieldProblem

LongText = Annotated[str, Meta(max_length=2000, pattern=TEXT)]
ZoneName = ZoneText
Moment = Annotated[
    datetime,
    Meta(examples=["2024-03-15T10:00:00Z"], extra_json_schema={"format": "date-time", "x-form": MINUTE_FORM}),
]
"""Read by `moment`, which says what is wrong."""
Minutes = Annotated[int, Meta(ge=1, le=MINUTES_PER_DAY)]
BufferMinutes = Annotated[int, Meta(ge=0, le=MINUTES_PER_DAY)]
Seats = Annotated[int, Meta(ge=1, le=100_000)]
MeetingUrl = Annotated[str, Meta(max_length=500, pattern=r"^(https://[^\s<>\x00-\x1f]+)?$")]
Clock = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9](:00)?$|^24:00$")]


class ClockWindow(Struct, frozen=True, forbid_unknown_fields=True):
    """A stretch of a weekday, 0 is Monday; an end of 00:00 or 24:00 is the end of the day."""

    weekday: Annotated[int, Meta(ge=0, le=6)]
    start: Clock
    end: Clock


ClockWindows = Annotated[list[ClockWindow], Meta(max_length=WINDOWS_MAX)]


def windows(sent: Sequence[ClockWindow], field: str) -> tuple[Window, ...]:
    """In order. Raises Problem 400 for windows that end before they begin, or overlap."""
    found = tuple(
        sorted(Window(w.weekday, _minute(w.start) % MINUTES_PER_DAY, _minute(w.end) or MINUTES_PER_DAY) for w in sent)
    )
    if not is_sound(found):
        raise invalid([FieldProblem(field, f"{field} must each end after they start, and none may overlap another")])
    return found


def clock_windows(found: Sequence[Window]) -> list[ClockWindow]:
    return [ClockWindow(w.weekday, _clock(w.opens_minute), _clock(w.closes_minute)) for w in sorted(found)]


def _minute(clock: str) -> int:
    hour, minute = clock.split(":")[:2]
    return int(hour) * 60 + int(minute)


def _clock(minute: int) -> str:
    return "24:00" if minute == MINUTES_PER_DAY else at_minute(minute).isoformat("minutes")


def a_zone(name: str, field: str = "time_zone") -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid([FieldProblem(field, "This is no IANA time zone such as Europe/Berlin")]) from None


def moment(value: datetime, field: str) -> datetime:
    """An instant as it was sent: with an offset, to the minute, in years that can be meant."""
    if value.tzinfo is None:
        raise invalid([FieldProblem(field, f"{field} needs an offset from UTC, such as 2024-03-15T10:00:00Z")])
    if not EARLIEST <= value.date() <= LATEST:
        raise invalid([FieldProblem(field, f"{field} is out of range")])
    if value.second or value.microsecond:
        raise invalid([FieldProblem(field, f"{field} must be a whole minute")])
    return value.astimezone(UTC)


SPAN_MAX = timedelta(days=366)


def span(starts: datetime, ends: datetime) -> tuple[datetime, datetime]:
    """(start, end) of what was sent as `start_time` and `end_time`."""
    starts_at, ends_at = moment(starts, "start_time"), moment(ends, "end_time")
    if ends_at <= starts_at:
        raise invalid([FieldProblem("end_time", "end_time must be later than start_time")])
    if ends_at - starts_at > SPAN_MAX:
        raise invalid([FieldProblem("end_time", "end_time is too long after start_time")])
    return starts_at, ends_at


def given(sent: Struct) -> dict[str, Any]:
    """What of a body was sent at all."""
    return {name: value for name, value in asdict(sent).items() if value is not UNSET}


def not_found() -> Problem:
    """The document's word for what does not exist or is not the caller's."""
    return Problem(404, "not_found", "Not found")


def forbidden() -> Problem:
    return Problem(403, "forbidden", "You do not have permission to perform this action")


def must_keep(principal: Principal, owner_user_id: int | None) -> None:
    """Staff keep everything, practitioners what is theirs; anybody may see it, so a stranger is a 403."""
    if not principal.is_staff and (owner_user_id is None or owner_user_id != principal.user_id):
        raise forbidden()
