"""Dates and times as agents write them, tried in the document's order (agent.md, "Date & Time Formats")."""

from __future__ import annotations

import re
from datetime import date, time
from functools import lru_cache
from typing import Annotated

from msgspec import Meta

from api.fields import BAD_DATE, BAD_TIME, TEXT, TEXTS_REMEMBERED, a_date
from api.forms import Form

_DAY, _MONTH, _YEAR = "(0?[1-9]|[12][0-9]|3[01])", "(0?[1-9]|1[0-2])", "(19|2[01])[0-9]{2}"
DATE_FORM = f"^({_YEAR}-{_MONTH}-{_DAY}|{_DAY}/{_MONTH}/{_YEAR}|{_MONTH}/{_DAY}/{_YEAR}|{_DAY}-{_MONTH}-{_YEAR}|{_MONTH}-{_DAY}-{_YEAR})$"
TIME_FORM = "^((0?[0-9]|1[0-9]|2[0-3]):[0-5][0-9](:00)?|(0?[1-9]|1[0-2]):[0-5][0-9] ?[AaPp][Mm])$"
_DATES = (
    (re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})", re.ASCII)),
    (re.compile(r"(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{4})", re.ASCII)),
    (re.compile(r"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4})", re.ASCII)),
    (re.compile(r"(?P<d>\d{1,2})-(?P<m>\d{1,2})-(?P<y>\d{4})", re.ASCII)),
    (re.compile(r"(?P<m>\d{1,2})-(?P<d>\d{1,2})-(?P<y>\d{4})", re.ASCII)),
)
_TIME_24 = re.compile(r"(\d{1,2}):(\d{2})(?::00)?", re.ASCII)
_TIME_12 = re.compile(r"(\d{1,2}):(\d{2}) ?([AP])M", re.ASCII | re.IGNORECASE)
NOON = 12


def agent_date(text: str) -> date | None:
    """`05/06/2025` is 5 June; `10/20/2025`, with no 20th month, can only be 20 October."""
    for form in _DATES:
        found = form.fullmatch(text.strip())
        day = a_date(int(found["y"]), int(found["m"]), int(found["d"])) if found else None
        if day is not None:
            return day
    return None


def agent_time(text: str) -> time | None:
    """`14:00`, `2:00 PM`, `2:00PM`, `14:00:00`. Seconds must be 00."""
    if found := _TIME_24.fullmatch(text.strip()):
        return _time(int(found[1]), int(found[2]))
    if found := _TIME_12.fullmatch(text.strip()):
        return _twelve_hours(int(found[1]), int(found[2]), found[3].upper())
    return None


def _twelve_hours(hour: int, minute: int, half: str) -> time | None:
    if not 1 <= hour <= NOON:
        return None
    return _time(hour % NOON + (NOON if half == "P" else 0), minute)


def _time(hour: int, minute: int) -> time | None:
    try:
        return time(hour, minute)
    except ValueError:
        return None


AGENT_DAY = Form(lru_cache(TEXTS_REMEMBERED)(agent_date), BAD_DATE)
AGENT_CLOCK = Form(lru_cache(TEXTS_REMEMBERED)(agent_time), BAD_TIME)
AgentDay = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=TEXT,
        examples=["2025-10-20", "20/10/2025"],
        extra_json_schema={"x-form": DATE_FORM},
    ),
    AGENT_DAY,
]
AgentClock = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=TEXT,
        examples=["14:00", "2:00 PM"],
        extra_json_schema={"x-form": TIME_FORM},
    ),
    AGENT_CLOCK,
]
