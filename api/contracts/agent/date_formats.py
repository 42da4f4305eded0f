"""Dates and times as agents write them, tried in the order of docs/contracts/agent.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, time
from enum import Enum, auto
from functools import lru_cache
from typing import Annotated

from api.http.fields import TEXTS_REMEMBERED, a_date, text
from api.http.forms import Form
from core import text_forms


class DateOrder(Enum):
    """What comes first where the year comes last."""

    DAY_FIRST = auto()
    MONTH_FIRST = auto()


_DATES = (
    (None, re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})", re.ASCII)),
    (DateOrder.DAY_FIRST, re.compile(r"(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{4})", re.ASCII)),
    (DateOrder.MONTH_FIRST, re.compile(r"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4})", re.ASCII)),
    (DateOrder.DAY_FIRST, re.compile(r"(?P<d>\d{1,2})-(?P<m>\d{1,2})-(?P<y>\d{4})", re.ASCII)),
    (DateOrder.MONTH_FIRST, re.compile(r"(?P<m>\d{1,2})-(?P<d>\d{1,2})-(?P<y>\d{4})", re.ASCII)),
)
_TIME_24 = re.compile(r"(\d{1,2}):(\d{2})(?::00)?", re.ASCII)
_TIME_12 = re.compile(r"(\d{1,2}):(\d{2}) ?([AP])M", re.ASCII | re.IGNORECASE)
NOON = 12
_DATE_MAX_CHARS = len("20/10/2025")


def agent_date(sent: str) -> date | None:
    """`05/06/2025` is 5 June; `10/20/2025`, with no 20th month, can only be 20 October."""
    return next((day for _, day in _readings(sent)), None)


def date_order(sent: str) -> DateOrder | None:
    """The order in which `agent_date` reads a date; None where it makes no difference, as for `05/05/2025`."""
    bare = sent.strip()
    return _date_order(bare) if len(bare) <= _DATE_MAX_CHARS else None


@lru_cache(TEXTS_REMEMBERED)
def _date_order(sent: str) -> DateOrder | None:
    order, day = next(readings := _readings(sent), (None, None))
    return None if any(other == day for _, other in readings) else order


def _readings(sent: str) -> Iterator[tuple[DateOrder | None, date]]:
    """Every day that a text can mean, the preferred one first."""
    bare = sent.strip()
    for order, form in _DATES:
        found = form.fullmatch(bare)
        day = a_date(int(found["y"]), int(found["m"]), int(found["d"])) if found else None
        if day is not None:
            yield order, day


def agent_time(sent: str) -> time | None:
    """`14:00`, `2:00 PM`, `2:00PM`, `14:00:00`. Seconds must be 00."""
    if found := _TIME_24.fullmatch(sent.strip()):
        return _time(int(found[1]), int(found[2]))
    if found := _TIME_12.fullmatch(sent.strip()):
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


AGENT_DAY = Form(lru_cache(TEXTS_REMEMBERED)(agent_date), text_forms.AGENT_DAY.words)
AGENT_CLOCK = Form(lru_cache(TEXTS_REMEMBERED)(agent_time), text_forms.AGENT_CLOCK.words)
AgentDay = Annotated[str, text(text_forms.AGENT_DAY, examples=["2025-10-20", "20/10/2025"]), AGENT_DAY]
AgentClock = Annotated[str, text(text_forms.AGENT_CLOCK, examples=["14:00", "2:00 PM"]), AGENT_CLOCK]
