"""People: the list, its statistics and what it can be filtered by (appointments.md, 7 to 9)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import falcon
import msgspec
from falcon.asgi import Request, Response
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.ext.asyncio import AsyncEngine

from api.contracts.appointments.lists import listed
from api.errors import invalid
from api.queries import LIMIT_DEFAULT, LIMIT_MAX, Query
from core.countries import countries, country_code
from core.identity import directory, headcount
from core.identity.directory import GENDERS, SORTS, Wanted
from core.store.listing import COUNT_EXACT_TO
from core.wire.errors import FieldProblem
from core.wire.outcomes import encode
from core.wire.users import admin_user

SORT_BY, SORT_ORDERS = "date_joined", ("desc", "asc")
"""The first of the orders unless told: the newest come first."""


class AdminUsers:
    """`GET /api/admin/users/`: every filter ANDed."""

    def __init__(self, engine: AsyncEngine, zone: str) -> None:
        self._engine = engine
        self._zone = zone

    async def on_get(self, req: Request, resp: Response) -> None:
        query = Query(req)
        wanted = self._wanted(query)
        sort_by = query.one_of("sort_by", SORTS) or SORT_BY
        order = query.one_of("sort_order", SORT_ORDERS) or SORT_ORDERS[0]
        limit, offset = query.page()
        query.check()
        await self._check_country(wanted.country)
        found = await directory.page(self._engine, wanted, sort_by, limit, offset, descending=order == "desc")
        data = [admin_user(person) for person in found.people]
        resp.data = encode(listed("Users retrieved successfully", data, found.total, limit, offset))
        resp.content_type = falcon.MEDIA_JSON

    def _wanted(self, query: Query) -> Wanted:
        last = query.day("date_joined_to")
        return Wanted(
            search=_words(query.text("search")),
            is_active=query.flag("is_active"),
            is_staff=query.flag("is_staff"),
            is_superuser=query.flag("is_superuser"),
            gender=query.one_of("gender", GENDERS),
            country=_words(query.text("country", longest=100)),
            joined_from=self._begin(query.day("date_joined_from")),
            joined_before=self._begin(last + timedelta(days=1) if last else None),
        )

    def _begin(self, day: date | None) -> datetime | None:
        """When a day begins where this installation is."""
        return None if day is None else datetime.combine(day, time(), ZoneInfo(self._zone)).astimezone(UTC)

    async def _check_country(self, country: str | None) -> None:
        """Raise Problem 400 for what is neither a country nor what somebody sent as one."""
        if country is None or country_code(country) is not None:
            return
        async with self._engine.connect() as connection:
            if await directory.is_used(connection, country):
                return
        allowed = ", ".join(f"{one.name} ({one.code})" for one in countries())
        raise invalid([FieldProblem("country", f"country must be one of {allowed}")])


class UserStats:
    """`GET /api/admin/users/stats/`: exact from the tally; those who joined lately are counted to a limit."""

    def __init__(self, pool: AsyncConnectionPool[Any], zone: str) -> None:
        self._pool = pool
        self._zone = zone

    async def on_get(self, req: Request, resp: Response) -> None:
        Query(req).check()
        async with self._pool.connection() as connection:
            stats = await headcount.stats(connection, self._zone)
        figures = {name: min(n, COUNT_EXACT_TO) if name in _LATELY else n for name, n in _fields(stats)}
        exact = all(n <= COUNT_EXACT_TO for name, n in _fields(stats) if name in _LATELY)
        body = {
            "success": True,
            "message": "User statistics retrieved successfully",
            "data": figures,
            "stats": figures,  # as in the statistics of bookings, which the document prints
            "total_exact": exact,
        }
        resp.data = encode(body)
        resp.content_type = falcon.MEDIA_JSON


_LATELY = ("today_users", "week_users", "month_users")


def _fields(stats: headcount.Stats) -> list[tuple[str, int]]:
    return list(msgspec.structs.asdict(stats).items())


class UserFilterOptions:
    """`GET /api/admin/users/filter-options/`: every value that the list takes, and the countries there are."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool
        self._names = {country.code: country.name for country in countries()}

    async def on_get(self, req: Request, resp: Response) -> None:
        Query(req).check()
        async with self._pool.connection() as connection:
            found = await headcount.countries(connection)
        data = {
            "is_active": [True, False],
            "is_staff": [True, False],
            "is_superuser": [True, False],
            "gender": list(GENDERS),
            "country": [{"code": code, "name": self._names.get(code, code), "count": n} for code, n in found],
            "sort_by": list(SORTS),
            "sort_order": list(SORT_ORDERS),
            "limit": {"default": LIMIT_DEFAULT, "max": LIMIT_MAX},
        }
        resp.data = encode({"success": True, "message": "Filter options retrieved successfully", "data": data})
        resp.content_type = falcon.MEDIA_JSON


def _words(text: str | None) -> str | None:
    """None for what is blank."""
    return (text or "").strip() or None
