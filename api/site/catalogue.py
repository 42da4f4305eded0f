"""`/api/catalogue/`: what can be booked, on which days, and when; of every contract, without a login."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Annotated

import falcon.asgi
from msgspec import Meta, Struct

from api.http.errors import Problem
from api.http.fields import LATEST, Id
from api.http.parameters import read_query
from api.http.responses import respond
from api.openapi import Content, operation
from core.domain.resources.local_time import local
from core.store.catalogue import bookable
from core.store.catalogue.bookable import Bookable, BookableThing
from core.store.catalogue.bookable_times import BookableTime, read_times
from core.store.catalogue.changes import NotFoundError
from core.store.connections.database import AsyncConnection
from core.store.connections.pool import Pool
from core.wire.vocabulary import Day, HourMinute, Zulu, zulu

DAYS_MAX = 62
ROOM = {
    "kind": "room",
    "id": 1,
    "name": "Conference Room A",
    "description": "Large conference room",
    "duration_minutes": 30,
    "price_minor": 5000,
    "currency": "usd",
    "time_zone": "Europe/Berlin",
    "capacity": 10,
    "practitioners": [],
}
TIME = {
    "starts_at": "2030-01-07T08:00:00Z",
    "ends_at": "2030-01-07T08:30:00Z",
    "date": "2030-01-07",
    "start_time": "09:00",
    "end_time": "09:30",
    "seats_left": None,
    "waiting": 0,
    "time_slot_id": None,
    "service_session_id": None,
}


class Catalogue(Struct, frozen=True):
    bookable: list[BookableThing]


class Asked(Struct, frozen=True, kw_only=True):
    """Which thing of the list, and of a session with a practitioner whose."""

    kind: Bookable
    id: Id
    practitioner_id: Id | None = None


class DaysAsked(Asked, frozen=True, kw_only=True):
    start_date: date
    days: Annotated[int, Meta(ge=1, le=DAYS_MAX)] = 31


class TimesAsked(Asked, frozen=True, kw_only=True):
    date: date


class CatalogueDay(Struct, frozen=True):
    date: Day
    free: int
    """How many times can be booked."""
    full: int
    """How many sessions have no seat left; others are not counted."""


class CatalogueDays(Struct, frozen=True):
    time_zone: str
    """In which the days are: the thing's own."""
    days: list[CatalogueDay]


class CatalogueTime(Struct, frozen=True, kw_only=True):
    """One time that can be booked, or a full session that can be waited for."""

    starts_at: Zulu
    ends_at: Zulu
    date: Day
    start_time: HourMinute
    end_time: HourMinute
    """Date and times are local to the thing."""
    seats_left: int | None
    """Of a workshop's session; 0: it is full."""
    waiting: int
    """How many wait for a seat."""
    time_slot_id: int | None
    service_session_id: int | None


class CatalogueTimes(Struct, frozen=True):
    time_zone: str
    times: list[CatalogueTime]


class WholeCatalogue:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation(
        "List what can be booked",
        description="Of every contract, in one shape. Packages, bundles and courses have no one time: not here.",
        answers={200: Content(Catalogue, example={"bookable": [ROOM]})},
    )
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        async with self._pool.connection() as connection:
            respond(resp, Catalogue(await bookable.everything(connection)))


class FreeDays:
    def __init__(self, pool: Pool) -> None:
        self._times = _TimeReader(pool)

    @operation(
        "Say on which days something can be booked",
        query=DaysAsked,
        answers={
            200: Content(
                CatalogueDays,
                example={"time_zone": "Europe/Berlin", "days": [{"date": "2030-01-07", "free": 18, "full": 0}]},
            )
        },
        refuses=("not_found",),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, DaysAsked)
        last = min(LATEST, asked.start_date + timedelta(days=min(asked.days - 1, (LATEST - asked.start_date).days)))
        thing, times = await self._times.read(asked, asked.start_date, last)
        free, full = Counter[date](), Counter[date]()
        for one in times:
            (free if one.is_free else full)[local(one.starts_at, thing.time_zone).date()] += 1
        days = [asked.start_date + timedelta(days=n) for n in range((last - asked.start_date).days + 1)]
        respond(
            resp, CatalogueDays(thing.time_zone, [CatalogueDay(day.isoformat(), free[day], full[day]) for day in days])
        )


class FreeTimes:
    def __init__(self, pool: Pool) -> None:
        self._times = _TimeReader(pool)

    @operation(
        "List the times of a day that can be booked",
        query=TimesAsked,
        answers={200: Content(CatalogueTimes, example={"time_zone": "Europe/Berlin", "times": [TIME]})},
        refuses=("not_found",),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, TimesAsked)
        thing, times = await self._times.read(asked, asked.date, asked.date)
        respond(resp, CatalogueTimes(thing.time_zone, [_shown(one, thing.time_zone) for one in times]))


class _TimeReader:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def read(self, asked: Asked, first: date, last: date) -> tuple[BookableThing, list[BookableTime]]:
        """Raises Problem 404 for what cannot be booked (any more)."""
        try:
            async with self._pool.connection() as connection:
                return await self._read(connection, asked, first, last)
        except NotFoundError:
            raise Problem(404, "not_found", "This cannot be booked here; GET /api/catalogue/ lists what can") from None

    async def _read(
        self, connection: AsyncConnection, asked: Asked, first: date, last: date
    ) -> tuple[BookableThing, list[BookableTime]]:
        thing = await bookable.one(connection, asked.kind, asked.id)
        return thing, await read_times(connection, thing, asked.practitioner_id, first, last)


def _shown(one: BookableTime, zone_name: str) -> CatalogueTime:
    begins, ends = local(one.starts_at, zone_name), local(one.ends_at, zone_name)
    return CatalogueTime(
        starts_at=zulu(one.starts_at),
        ends_at=zulu(one.ends_at),
        date=begins.date().isoformat(),
        start_time=f"{begins:%H:%M}",
        end_time=f"{ends:%H:%M}",
        seats_left=one.seats_left,
        waiting=one.waiting,
        time_slot_id=one.time_slot_id,
        service_session_id=one.service_session_id,
    )
