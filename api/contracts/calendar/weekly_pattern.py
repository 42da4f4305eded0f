"""`POST /api/admin/timeslots/weekly/`: many slots at once, by a weekly pattern (docs/contracts/calendar.md)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import falcon.asgi
from msgspec import Meta, Struct

from api.commands.commands import Commands
from api.contracts.calendar.admin_timeslots import CategoryGiven, id_of
from api.contracts.calendar.examples import WEEKLY
from api.contracts.calendar.lookups import partition_key_of_day, read_category
from api.http.bodies import read_json
from api.http.fields import DAY, ClockText, DayText, Id, clock_time, text
from api.http.forms import Form, Rules
from api.openapi import Content, operation
from core import text_forms
from core.domain.commands import OfferWeekly
from core.domain.resources.local_time import MINUTES_PER_DAY
from core.domain.timeslots.weekly_pattern import MAX_DAYS, MAX_SLOTS, count
from core.store.connections.pool import Pool
from core.wire.contracts.calendar import WeeklyMade
from core.wire.errors import FieldProblem

Weekday = Annotated[int, Meta(ge=0, le=6)]


def _minute(sent: str) -> int | None:
    at = clock_time(sent)
    return None if at is None else at.hour * 60 + at.minute


def _end_minute(sent: str) -> int | None:
    return MINUTES_PER_DAY if sent in {"00:00", "00:00:00", "24:00", "24:00:00"} else _minute(sent)


OPENS, CLOSES = Form(_minute, text_forms.CLOCK.words), Form(_end_minute, text_forms.CLOSING.words)
Opening = Annotated[ClockText, OPENS]
Closing = Annotated[str, text(text_forms.CLOSING, examples=["17:00"]), CLOSES]


def _some_days(body: WeeklyPattern) -> Iterator[FieldProblem]:
    first, last = DAY(body.start_date), DAY(body.end_date)
    if last < first:
        yield FieldProblem("end_date", "end_date must not be before start_date")
    elif (last - first).days >= MAX_DAYS:
        yield FieldProblem("end_date", f"A pattern may span {MAX_DAYS} days at most")


def _some_time(body: WeeklyPattern) -> Iterator[FieldProblem]:
    if CLOSES(body.end_time) - OPENS(body.start_time) < body.duration_minutes:
        yield FieldProblem("end_time", "No slot of that duration fits between start_time and end_time")


def _some_slots(body: WeeklyPattern) -> Iterator[FieldProblem]:
    """Only a pattern whose days and times are valid is counted."""
    if any(_some_days(body)) or any(_some_time(body)):
        return
    slots = count(command_of(body))
    if slots == 0:
        yield FieldProblem("weekdays", "None of these weekdays lies between start_date and end_date")
    elif slots > MAX_SLOTS:
        yield FieldProblem("end_date", f"The pattern has {slots} slots; {MAX_SLOTS} may be made at once")


class WeeklyPattern(Struct, frozen=True, forbid_unknown_fields=True):
    """The body. Times are local to the category; both dates are included."""

    category: Id | CategoryGiven
    start_date: DayText
    end_date: DayText
    weekdays: Annotated[list[Weekday], Meta(min_length=1, max_length=7)]
    """0 is Monday, 6 is Sunday."""
    start_time: Opening
    end_time: Closing
    """`00:00` and `24:00` are the end of the day."""
    duration_minutes: Annotated[int, Meta(ge=1, le=MINUTES_PER_DAY)]
    on_collision: Literal["refuse", "skip"] = "refuse"
    """What to do if a slot collides: refuse all slots, or skip that one."""

    rules: ClassVar[Rules] = (_some_days, _some_time, _some_slots)


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
        category = await read_category(self._pool, command.category_id)
        key = partition_key_of_day(category, command.first_day)
        await self._commands.run(req, resp, contract="calendar", partition_key=key, command=command)


def command_of(body: WeeklyPattern) -> OfferWeekly:
    """The body as a command."""
    first, last = DAY(body.start_date), DAY(body.end_date)
    opens, closes = OPENS(body.start_time), CLOSES(body.end_time)
    weekdays, skip = tuple(sorted(set(body.weekdays))), body.on_collision == "skip"
    return OfferWeekly(id_of(body.category), first, last, weekdays, opens, closes, body.duration_minutes, skip)
