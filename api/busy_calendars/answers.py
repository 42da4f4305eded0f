"""Busy calendars as they are sent and shown. A URL is never shown again: whoever has it reads the calendar."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Struct

from api.http.errors import Problem, invalid
from api.http.fields import Id, ShortText, text
from api.http.parameters import LIMIT_DEFAULT, Limit, Offset
from core import text_forms
from core.outbound.targets import URL_MAX_CHARS, BadTargetError, Target, parse_target
from core.store.calendars.busy_calendars import BusyCalendar
from core.wire.answers import Done, Listed
from core.wire.errors import FieldProblem
from core.wire.vocabulary import Micros, micros

Url = Annotated[
    str,
    text(text_forms.URL, least=1, most=URL_MAX_CHARS, examples=["https://calendars.example.com/private-key/basic.ics"]),
]
EXAMPLE = {"url": "https://calendars.example.com/private-key/basic.ics", "label": "Private"}


class OwnCalendarBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The URL of an iCalendar file. It is kept encrypted, and not shown again."""

    url: Url
    label: ShortText = ""


class CalendarBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The URL of an iCalendar file, which is kept encrypted and not shown again. The desk, unless a resource is named."""

    url: Url
    label: ShortText = ""
    resource_id: Id | None = None


class Paged(Struct, frozen=True):
    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class CalendarsAsked(Struct, frozen=True):
    resource_id: Id | None = None
    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class CalendarState(StrEnum):
    WAITING = "waiting"
    """It was not fetched yet."""
    FOLLOWED = "followed"
    FAILING = "failing"
    """Its last known times stay closed."""
    LET_GO = "let_go"
    """It has failed for so long that its times are open again."""


class BusyCalendarShown(Struct, frozen=True, kw_only=True):
    id: int
    resource_id: int
    host: str
    """Of its URL, which is not shown again."""
    label: str
    state: CalendarState
    answer: str | None
    """What came of the last fetch, in words."""
    tried_at: Micros | None
    fetched_at: Micros | None
    """The last answer that could be used."""
    read_at: Micros | None
    """The last whole file: the busy times are of then."""
    next_fetch_at: Micros | None
    failing_since: Micros | None
    failures: int
    """In a row."""
    busy_times: int
    """That are not over. Those that touch are one."""
    next_busy_from: Micros | None
    next_busy_until: Micros | None
    is_closed: bool
    """Whether the closures are what the calendar says; a moment after it was read they are."""
    created_by: int | None
    created_at: Micros


class BusyCalendarAnswer(Done, frozen=True, kw_only=True):
    message: str = "Busy calendar retrieved successfully"
    data: BusyCalendarShown


class BusyCalendarList(Listed[BusyCalendarShown], frozen=True, kw_only=True):
    message: str = "Busy calendars retrieved successfully"


def callable_target(url: str, *, loopback: bool) -> Target:
    """Raises Problem 400 for a URL that will never be fetched."""
    try:
        return parse_target(url, loopback=loopback)
    except BadTargetError as problem:
        raise invalid([FieldProblem("url", str(problem))]) from None


def not_found() -> Problem:
    return Problem(404, "busy_calendar_not_found", "Busy calendar not found")


def state_of(one: BusyCalendar) -> CalendarState:
    if one.failures:
        return CalendarState.LET_GO if one.read_at is None and one.fetched_at is not None else CalendarState.FAILING
    return CalendarState.WAITING if one.read_at is None else CalendarState.FOLLOWED


def shown(one: BusyCalendar) -> BusyCalendarShown:
    return BusyCalendarShown(
        id=one.id,
        resource_id=one.resource_id,
        host=one.host,
        label=one.label,
        state=state_of(one),
        answer=one.answer,
        tried_at=_micros(one.tried_at),
        fetched_at=_micros(one.fetched_at),
        read_at=_micros(one.read_at),
        next_fetch_at=_micros(one.fetch_at),
        failing_since=_micros(one.failing_since),
        failures=one.failures,
        busy_times=one.busy_times,
        next_busy_from=_micros(one.next_starts_at),
        next_busy_until=_micros(one.next_ends_at),
        is_closed=one.is_settled,
        created_by=one.created_by,
        created_at=micros(one.created_at),
    )


def _micros(at: datetime | None) -> Micros | None:
    return None if at is None else micros(at)
