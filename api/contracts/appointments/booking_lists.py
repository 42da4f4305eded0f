"""Lists of bookings: all of them for staff, reserved times for everybody (docs/contracts/appointments.md)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Generic, TypeVar

import falcon.asgi
from msgspec import Meta, Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from api.contracts.appointments.examples import STATS
from api.http.errors import invalid
from api.http.fields import ID_MAX
from api.http.parameters import LIMIT_DEFAULT, Limit, Offset, Word, read_query
from api.http.responses import respond
from api.openapi import Content, operation
from api.reads.known_queries import read_known_query
from api.reads.public_reads import TAGGED, UNCHANGED, PublicReads
from core.domain.values import Booking
from core.identity.account_names import username_keys
from core.store.catalogue import categories
from core.store.connections.pool import Pool
from core.store.lists import tally
from core.store.lists.bookings import BY_TIME, NEWEST_FIRST, BookingFilter, page
from core.store.lists.pages import Total
from core.store.lists.reserved_slots import ReservedFilter, is_quick, reserved_page, reserved_queries
from core.store.reads.shared_reads import Found, Query
from core.wire.answers import Done
from core.wire.contracts.admin_bookings import AdminBooking, admin_booking
from core.wire.errors import FieldProblem
from core.wire.outcomes import encode
from core.wire.vocabulary import APPOINTMENTS_STATUS, AppointmentsWord, Day, HourMinute

T = TypeVar("T")

RESERVED = "Reserved slots retrieved successfully"

CategoryId = Annotated[int, Meta(ge=1, le=ID_MAX)]


class Filters(Struct, frozen=True):
    date: date | None = None
    service: Word | None = None
    status: AppointmentsWord | None = None
    user: Word | None = None
    category: CategoryId | None = None
    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class ReservedFilters(Struct, frozen=True):
    date: date | None = None
    service: Word | None = None
    status: AppointmentsWord = "upcoming"
    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class Page(Done, Generic[T], frozen=True, kw_only=True):
    """`total_exact` is false if counting stopped at `total_count` and there are more."""

    data: list[T]
    total_count: int
    total_exact: bool
    count: int
    limit: int
    offset: int


class StatsAnswer(Done, frozen=True, kw_only=True):
    message: str = "Booking statistics retrieved successfully"
    stats: tally.Stats


class ReservedSlot(Struct, frozen=True):
    service_name: str
    booking_date: Day
    booking_time: HourMinute
    duration_minutes: int
    status: AppointmentsWord


class AdminBookings:
    """`GET /api/admin/bookings/`: newest first, every filter ANDed."""

    def __init__(self, engine: AsyncEngine, pool: Pool, phone_region: str | None) -> None:
        self._engine = engine
        self._pool = pool
        self._region = phone_region

    @operation("List bookings, newest first", query=Filters, answers={200: Page[AdminBooking]})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        query = read_query(req, Filters)
        await self._check_category(query.category)
        wanted = BookingFilter(
            day=query.date,
            service=query.service,
            word=query.status,
            usernames=self._keys(query.user),
            category_id=query.category,
        )
        found = await page(self._engine, wanted, NEWEST_FIRST, query.limit, query.offset)
        data = [admin_booking(booking, user) for booking, user in found.rows]
        respond(resp, listed("Bookings retrieved successfully", data, found.total, query.limit, query.offset))

    async def _check_category(self, category_id: int | None) -> None:
        """Raise Problem 400 for a category that does not exist; it names those that do."""
        if category_id is None:
            return
        async with self._pool.connection() as connection:
            known = await categories.named_ids(connection, category_id)
        if category_id not in known:
            raise invalid([FieldProblem("category", f"category must be one of {', '.join(map(str, known))}")])

    def _keys(self, username: str | None) -> list[str] | None:
        """A phone number is a username in each form in which it can be written."""
        return None if username is None else username_keys(username, self._region)


class BookingStats:
    """`GET /api/admin/bookings/stats/`: of all contracts; drafts and deleted ones are not counted."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("Count bookings", answers={200: Content(StatsAnswer, example=STATS)})
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        async with self._pool.connection() as connection:
            stats = await tally.stats(connection)
        respond(resp, StatsAnswer(stats=stats))


class ReservedRead(ReservedFilters, frozen=True):
    @property
    def wanted(self) -> ReservedFilter:
        return ReservedFilter(self.status, self.date, self.service)

    def queries(self) -> Sequence[Query]:
        return reserved_queries(self.wanted, self.limit, self.offset)

    def make(self, found: Found) -> bytes:
        page = reserved_page(found, self.wanted)
        data = [
            ReservedSlot(one.service_name, one.day.isoformat(), one.at.isoformat("minutes"), one.minutes, self.status)
            for one in page.rows
        ]
        return encode(listed(RESERVED, data, page.total, self.limit, self.offset))


class ReservedSlots:
    """`GET /api/reservations/reserved_slots/`: by date and time. Public, so it shows neither people nor reasons."""

    def __init__(self, engine: AsyncEngine, reads: PublicReads) -> None:
        self._engine = engine
        self._reads = reads

    @operation(
        "List the times that are taken",
        description="Without `status` the upcoming ones.",
        query=ReservedRead,
        answers={200: Content(Page[ReservedSlot], headers=TAGGED), 304: UNCHANGED},
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        query = read_known_query(req, ReservedRead)
        if is_quick(query.wanted, query.offset):
            await self._reads.answer(req, resp, query)
            return
        wanted = BookingFilter(day=query.date, service=query.service, word=query.status)
        found = await page(self._engine, wanted, BY_TIME, query.limit, query.offset)
        data = [reserved_slot(booking) for booking, _ in found.rows]
        respond(resp, listed(RESERVED, data, found.total, query.limit, query.offset))


def reserved_slot(booking: Booking) -> ReservedSlot:
    return ReservedSlot(
        service_name=booking.service_name,
        booking_date=booking.local_date.isoformat(),
        booking_time=booking.local_time.isoformat("minutes"),
        duration_minutes=booking.duration_minutes,
        status=APPOINTMENTS_STATUS[booking.status],
    )


def listed(message: str, data: list[T], total: Total, limit: int, offset: int) -> Page[T]:
    return Page(
        message=message,
        data=data,
        total_count=total.count,
        total_exact=total.exact,
        count=len(data),
        limit=limit,
        offset=offset,
    )
