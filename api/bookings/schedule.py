"""`GET /api/admin/schedule/`: what takes place on some days, of all contracts. `.../days/`: how much, day by day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import ClassVar

import falcon.asgi
from msgspec import Struct

from api.http.fields import Id
from api.http.forms import Rules
from api.http.parameters import LIMIT_MAX, Limit, Offset, read_query
from api.http.responses import respond
from api.openapi import operation
from core.store.connections.pool import Pool
from core.store.lists.desk_schedule import read_days, read_schedule
from core.wire.contracts.closures import closure_shown
from core.wire.contracts.desk_schedule import ScheduleShown, scheduled_booking, session_on_schedule
from core.wire.errors import FieldProblem
from core.wire.vocabulary import AppointmentsWord, Day

DAYS_MAX = 42
"""Six weeks: a month as calendars show it."""


def _in_order(query: ScheduleQuery | DaysQuery) -> Iterator[FieldProblem]:
    if query.end_date < query.start_date:
        yield FieldProblem("end_date", "end_date must not be before start_date")
    elif (query.end_date - query.start_date).days >= DAYS_MAX:
        yield FieldProblem("end_date", f"At most {DAYS_MAX} days can be asked for at once")


class DaysQuery(Struct, frozen=True):
    start_date: date
    end_date: date
    """Inclusive."""

    rules: ClassVar[Rules] = (_in_order,)


class ScheduleQuery(Struct, frozen=True):
    """Days are local to each booking's resource."""

    start_date: date
    end_date: date
    """Inclusive."""
    booking_id: tuple[Id, ...] = ()
    """Only these, and of them those that take place then: what a message of the feed names is read anew so."""
    limit: Limit = LIMIT_MAX
    offset: Offset = 0

    rules: ClassVar[Rules] = (_in_order,)


class DayOfSchedule(Struct, frozen=True):
    date: Day
    status: AppointmentsWord
    bookings: int


class DaysShown(Struct, frozen=True):
    days: list[DayOfSchedule]


class ScheduleOfDays:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation(
        "Show what takes place on some days",
        description=(
            "Bookings of every contract by day and time, cancelled ones too, each with its own status; beside the first "
            "page the sessions and closures of those days. What was bought without a time is on no day."
        ),
        query=ScheduleQuery,
        answers={200: ScheduleShown},
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, ScheduleQuery)
        async with self._pool.connection() as connection:
            found = await read_schedule(
                connection, asked.start_date, asked.end_date, asked.booking_id, asked.limit, asked.offset
            )
        body = ScheduleShown(
            bookings=[scheduled_booking(booking, user) for booking, user in found.bookings],
            more=found.more,
            sessions=[session_on_schedule(session) for session in found.sessions],
            closures=[closure_shown(closure) for closure in found.closures],
            position=str(found.position),
            limit=asked.limit,
            offset=asked.offset,
        )
        respond(resp, body)


class DaysOfSchedule:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation(
        "Count the bookings of some days",
        description="By day and status, from the tally; days and statuses without bookings are left out.",
        query=DaysQuery,
        answers={200: DaysShown},
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, DaysQuery)
        async with self._pool.connection() as connection:
            found = await read_days(connection, asked.start_date, asked.end_date)
        respond(resp, DaysShown([DayOfSchedule(one.day.isoformat(), one.word, one.bookings) for one in found]))  # type: ignore[arg-type]  # listed words are the contract's
