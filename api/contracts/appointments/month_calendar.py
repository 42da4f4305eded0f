"""`GET /api/booking/calendar/`: a month, day by day (docs/contracts/appointments.md)."""

from __future__ import annotations

from calendar import SATURDAY, day_name, monthrange
from datetime import date
from typing import Annotated

import falcon.asgi
from msgspec import Meta, Struct

from api.contracts.appointments.available_slots import WorkingHours, active_rules, refused_as_problem, working_hours
from api.http.fields import EARLIEST, LATEST
from api.http.parameters import Word, read_query
from api.http.responses import respond
from api.openapi import operation
from api.openapi.operation import UNBOOKABLE
from core.domain.resources.free_slots import free_days
from core.domain.resources.local_time import local
from core.domain.values import Policy, Rules
from core.store.connections.pool import Pool
from core.store.free_slots import DayAvailability, read_day_availability
from core.wire.answers import Done
from core.wire.vocabulary import Day


class MonthQuery(Struct, frozen=True):
    year: Annotated[int, Meta(ge=EARLIEST.year, le=LATEST.year)]
    month: Annotated[int, Meta(ge=1, le=12)]
    service: Word | None = None


class CalendarDay(Struct, frozen=True):
    date: Day
    day: int
    day_name: str
    is_off_day: bool
    is_weekend: bool
    is_today: bool
    reserved_count: int
    available_count: int


class MonthAnswer(Done, frozen=True, kw_only=True):
    message: str = "Booking calendar retrieved successfully"
    year: int
    month: int
    calendar: list[CalendarDay]
    working_hours: WorkingHours
    off_days: list[int]


class MonthCalendar:
    """Of the desk, or of the resource of a `service`. Public: numbers only."""

    def __init__(self, pool: Pool, policy: Policy) -> None:
        self._pool = pool
        self._policy = policy

    @operation(
        "Show a month, day by day", query=MonthQuery, answers={200: MonthAnswer}, refuses=("no_settings", *UNBOOKABLE)
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        query = read_query(req, MonthQuery)
        length = monthrange(query.year, query.month)[1]
        days = [date(query.year, query.month, day) for day in range(1, length + 1)]
        with refused_as_problem("service"):
            async with self._pool.connection() as connection:
                availability = await read_day_availability(connection, query.service, days[0], days[-1], self._policy)
        respond(resp, calendar_body(availability, active_rules(availability), days))


def calendar_body(availability: DayAvailability, rules: Rules, days: list[date]) -> MonthAnswer:
    today = local(availability.now, availability.resource.zone).date()
    counted = free_days(rules, availability.resource, availability.minutes, days, availability.claims, availability.now)
    return MonthAnswer(
        year=days[0].year,
        month=days[0].month,
        calendar=[
            CalendarDay(
                date=day.isoformat(),
                day=day.day,
                day_name=day_name[day.weekday()],
                is_off_day=rules.hours.is_off(day),
                is_weekend=day.weekday() >= SATURDAY,
                is_today=day == today,
                reserved_count=reserved,
                available_count=available,
            )
            for day, reserved, available in counted
        ],
        working_hours=working_hours(rules),
        off_days=sorted(rules.hours.off_days),
    )
