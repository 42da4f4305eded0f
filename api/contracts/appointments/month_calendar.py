"""`GET /api/booking/calendar/`: a month, day by day (docs/contracts/appointments.md)."""

from __future__ import annotations

from calendar import SATURDAY, day_name, monthrange
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Annotated

import falcon.asgi
from msgspec import Meta, Struct

from api.contracts.appointments.available_slots import (
    NameRefusedError,
    WorkingHours,
    active_rules,
    check_service,
    name_refusal,
    working_hours,
)
from api.http.fields import EARLIEST, LATEST
from api.http.parameters import Word
from api.openapi import Content, operation
from api.openapi.operation import UNBOOKABLE
from api.reads.known_queries import read_known_query
from api.reads.public_reads import TAGGED, UNCHANGED, PublicReads
from core.domain.resources.free_slots import free_days
from core.domain.resources.local_time import at_us, local
from core.domain.values import Policy, Rules
from core.store.connections.pool import Pool
from core.store.free_slots import MonthAvailability, month_availability, month_queries
from core.store.reads.shared_reads import Found, Query
from core.wire.answers import Done
from core.wire.outcomes import encode
from core.wire.vocabulary import Day

DAYS_NAMED = 4_096


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


class MonthRead(Struct, frozen=True):
    year: int
    month: int
    service: str | None
    policy: Policy

    @property
    def days(self) -> list[date]:
        length = monthrange(self.year, self.month)[1]
        return [date(self.year, self.month, day) for day in range(1, length + 1)]

    def queries(self) -> Sequence[Query]:
        days = self.days
        return month_queries(self.service, days[0], days[-1])

    def make(self, found: Found) -> bytes:
        availability = month_availability(found, allow_past=self.policy.allow_past)
        check_service(availability.service, self.service, self.policy)
        body = calendar_body(availability, active_rules(availability.rules), self.days, found.now_us)
        return encode(body)


class MonthCalendar:
    """Of the desk, or of the resource of a `service`. Public: numbers only."""

    def __init__(self, pool: Pool, reads: PublicReads, policy: Policy) -> None:
        self._pool = pool
        self._reads = reads
        self._policy = policy

    @operation(
        "Show a month, day by day",
        query=MonthQuery,
        answers={200: Content(MonthAnswer, headers=TAGGED), 304: UNCHANGED},
        refuses=("no_settings", *UNBOOKABLE),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        query = read_known_query(req, MonthQuery)
        month = MonthRead(query.year, query.month, query.service, self._policy)
        try:
            await self._reads.answer(req, resp, month)
        except NameRefusedError:
            raise await name_refusal(self._pool, self._policy, query.service) from None


@lru_cache(maxsize=DAYS_NAMED)
def _named(day: date) -> tuple[str, int, str]:
    """`day_name` asks the locale each time."""
    return day.isoformat(), day.day, day_name[day.weekday()]


def calendar_body(availability: MonthAvailability, rules: Rules, days: list[date], now_us: int) -> MonthAnswer:
    today = local(at_us(now_us), availability.resource.zone).date()
    is_off = rules.hours.is_off
    counted = free_days(rules, availability.resource, availability.minutes, days, availability.taken, now_us)
    return MonthAnswer(
        year=days[0].year,
        month=days[0].month,
        calendar=[
            CalendarDay(*_named(day), is_off(day), day.weekday() >= SATURDAY, day == today, reserved, available)
            for day, reserved, available in counted
        ],
        working_hours=working_hours(rules),
        off_days=sorted(rules.hours.off_days),
    )
