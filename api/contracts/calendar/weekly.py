"""`POST /api/admin/timeslots/weekly/`: many slots at once, by a weekly pattern over some days."""

from __future__ import annotations

from typing import Annotated, Literal

import falcon.asgi
from msgspec import Meta, Struct

from api.bodies import read_json
from api.commands import Commands
from api.contracts.calendar.admin import CategoryGiven, id_of
from api.contracts.calendar.examples import WEEKLY
from api.contracts.calendar.reading import Pool, key_of_day, the_category
from api.errors import invalid
from api.fields import ClockText, DayText, Id, clock_time, iso_date
from api.openapi import Content, operation
from core.domain.calendars import MINUTES_PER_DAY
from core.domain.commands import OfferWeekly
from core.domain.weekly import MAX_DAYS, MAX_SLOTS, count
from core.wire.calendar import WeeklyMade
from core.wire.errors import FieldProblem

Weekday = Annotated[int, Meta(ge=0, le=6)]


class WeeklyPattern(Struct, frozen=True, forbid_unknown_fields=True):
    """The body. Times are local to the category; both dates are included."""

    category: Id | CategoryGiven
    start_date: DayText
    end_date: DayText
    weekdays: Annotated[list[Weekday], Meta(min_length=1, max_length=7)]
    """0 is Monday, 6 is Sunday."""
    start_time: ClockText
    end_time: ClockText
    """`00:00` and `24:00` are the end of the day."""
    duration_minutes: Annotated[int, Meta(ge=1, le=MINUTES_PER_DAY)]
    on_collision: Literal["refuse", "skip"] = "refuse"
    """What happens where a slot cannot be: all are refused, or that one is left out."""


class WeeklyTimeSlots:
    def __init__(self, commands: Commands, pool: Pool) -> None:
        self._commands = commands
        self._pool = pool

    @operation(
        "Create time slots by a weekly pattern",
        description=(
            f"Times are local to the category; both dates are included. At most {MAX_SLOTS} slots over {MAX_DAYS} "
            "days. Where the clocks change, a slot that does not exist or does not fit on that day is left out; "
            "`skipped` says so."
        ),
        body=Content(WeeklyPattern, example=WEEKLY),
        answers={201: WeeklyMade},
        refuses=("category_not_found", "in_the_past", "time_slot_overlaps"),
        command=True,
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        command = command_of(await read_json(req, WeeklyPattern))
        category = await the_category(self._pool, command.category_id)
        key = key_of_day(category, command.first_day)
        await self._commands.run(req, resp, contract="calendar", slot_key=key, command=command)


def command_of(body: WeeklyPattern) -> OfferWeekly:
    """The command a body asks for. Raises Problem 400 with every unusable field."""
    first, last = iso_date(body.start_date), iso_date(body.end_date)
    opens, closes = _minute(body.start_time), _end_minute(body.end_time)
    if first is None or last is None or opens is None or closes is None:
        found = {"start_date": first, "end_date": last, "start_time": opens, "end_time": closes}
        raise invalid([FieldProblem(name, WORDS[name]) for name, value in found.items() if value is None])
    weekdays, skip = tuple(sorted(set(body.weekdays))), body.on_collision == "skip"
    pattern = OfferWeekly(id_of(body.category), first, last, weekdays, opens, closes, body.duration_minutes, skip)
    if problems := list(_misfits(pattern)):
        raise invalid(problems)
    return pattern


WORDS = {
    "start_date": "Invalid date format",
    "end_date": "Invalid date format",
    "start_time": "Invalid time format",
    "end_time": "Invalid time format",
}


def _minute(text: str) -> int | None:
    at = clock_time(text)
    return None if at is None else at.hour * 60 + at.minute


def _end_minute(text: str) -> int | None:
    return MINUTES_PER_DAY if text in {"00:00", "00:00:00", "24:00", "24:00:00"} else _minute(text)


def _misfits(pattern: OfferWeekly) -> list[FieldProblem]:
    """What does not fit together; how many slots there are is asked last, of a pattern that is bounded."""
    if pattern.last_day < pattern.first_day:
        return [FieldProblem("end_date", "end_date must not be before start_date")]
    if (pattern.last_day - pattern.first_day).days >= MAX_DAYS:
        return [FieldProblem("end_date", f"A pattern may span {MAX_DAYS} days at most")]
    if pattern.closes_minute - pattern.opens_minute < pattern.duration_minutes:
        return [FieldProblem("end_time", "No slot of that duration fits between start_time and end_time")]
    slots = count(pattern)
    if slots == 0:
        return [FieldProblem("weekdays", "None of these weekdays lies between start_date and end_date")]
    if slots > MAX_SLOTS:
        return [FieldProblem("end_date", f"The pattern has {slots} slots; {MAX_SLOTS} may be made at once")]
    return []
