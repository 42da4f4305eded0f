"""People: the list, its statistics and what it can be filtered by (the appointments document, 7 to 9)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from falcon.asgi import Request, Response
from msgspec import Struct
from msgspec.structs import replace
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.ext.asyncio import AsyncEngine

from api.contracts.appointments.booking_lists import Page, listed
from api.http.errors import invalid
from api.http.fields import text
from api.http.parameters import LIMIT_DEFAULT, LIMIT_MAX, Limit, Offset, Word, read_query
from api.http.responses import respond
from api.openapi import operation
from core.countries import countries, country_code
from core.domain.resources.local_time import day_bounds
from core.store.lists import headcount, people
from core.store.lists.pages import COUNT_EXACT_TO
from core.store.lists.people import GENDERS, SORTS, Gender, PeopleFilter, SortWord
from core.text_forms import SEARCH_TEXT
from core.wire.answers import Done
from core.wire.contracts.admin_users import AdminUser, admin_user
from core.wire.errors import FieldProblem

SortOrder = Literal["desc", "asc"]
SORT_ORDERS: tuple[SortOrder, ...] = ("desc", "asc")


CountryWord = Annotated[str, text(SEARCH_TEXT, most=100, description="A code or a name")]


class Filters(Struct, frozen=True):
    search: Word | None = None
    is_active: bool | None = None
    is_staff: bool | None = None
    is_superuser: bool | None = None
    gender: Gender | None = None
    country: CountryWord | None = None
    date_joined_from: date | None = None
    date_joined_to: date | None = None
    sort_by: SortWord = "date_joined"
    sort_order: SortOrder = "desc"
    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class UserStatsAnswer(Done, frozen=True, kw_only=True):
    """`stats` as in the statistics of bookings, which the document prints; `data` as in every other answer."""

    message: str = "User statistics retrieved successfully"
    data: headcount.UserStats
    stats: headcount.UserStats
    total_exact: bool


class CountryOption(Struct, frozen=True):
    code: str
    name: str
    count: int


class LimitOption(Struct, frozen=True):
    default: int
    max: int


class FilterOptions(Struct, frozen=True, kw_only=True):
    is_active: list[bool]
    is_staff: list[bool]
    is_superuser: list[bool]
    gender: list[str]
    country: list[CountryOption]
    sort_by: list[str]
    sort_order: list[str]
    limit: LimitOption


class FilterOptionsAnswer(Done, frozen=True, kw_only=True):
    message: str = "Filter options retrieved successfully"
    data: FilterOptions


class AdminUsers:
    """`GET /api/admin/users/`: every filter ANDed."""

    def __init__(self, engine: AsyncEngine, zone: str) -> None:
        self._engine = engine
        self._zone = zone

    @operation("List users", query=Filters, answers={200: Page[AdminUser]})
    async def on_get(self, req: Request, resp: Response) -> None:
        asked = read_query(req, Filters)
        wanted = self._wanted(asked)
        limit, offset, descending = asked.limit, asked.offset, asked.sort_order == "desc"
        await self._check_country(wanted.country)
        found = await people.page(self._engine, wanted, asked.sort_by, limit, offset, descending=descending)
        data = [admin_user(person) for person in found.rows]
        respond(resp, listed("Users retrieved successfully", data, found.total, limit, offset))

    def _wanted(self, asked: Filters) -> PeopleFilter:
        last = asked.date_joined_to
        return PeopleFilter(
            search=_words(asked.search),
            is_active=asked.is_active,
            is_staff=asked.is_staff,
            is_superuser=asked.is_superuser,
            gender=asked.gender,
            country=_words(asked.country),
            joined_from=self._begin(asked.date_joined_from),
            joined_before=self._begin(last + timedelta(days=1) if last else None),
        )

    def _begin(self, day: date | None) -> datetime | None:
        """When a day begins where this installation is."""
        return None if day is None else day_bounds(day, self._zone)[0]

    async def _check_country(self, country: str | None) -> None:
        """Raise Problem 400 for what is neither a country nor what somebody sent as one."""
        if country is None or country_code(country) is not None:
            return
        async with self._engine.connect() as connection:
            if await people.is_used(connection, country):
                return
        allowed = ", ".join(f"{one.name} ({one.code})" for one in countries())
        raise invalid([FieldProblem("country", f"country must be one of {allowed}")])


class UserStats:
    """`GET /api/admin/users/stats/`: exact from the tally; those who joined lately are counted to a limit."""

    def __init__(self, pool: AsyncConnectionPool[Any], zone: str) -> None:
        self._pool = pool
        self._zone = zone

    @operation("Count users", answers={200: UserStatsAnswer})
    async def on_get(self, _req: Request, resp: Response) -> None:
        async with self._pool.connection() as connection:
            stats = await headcount.stats(connection, self._zone)
        lately = {name: getattr(stats, name) for name in _LATELY}
        figures = replace(stats, **{name: min(count, COUNT_EXACT_TO) for name, count in lately.items()})
        exact = all(count <= COUNT_EXACT_TO for count in lately.values())
        respond(resp, UserStatsAnswer(data=figures, stats=figures, total_exact=exact))


_LATELY = ("today_users", "week_users", "month_users")


class UserFilterOptions:
    """`GET /api/admin/users/filter-options/`: every value that the list takes, and the countries there are."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool
        self._names = {country.code: country.name for country in countries()}

    @operation("List what users can be filtered by", answers={200: FilterOptionsAnswer})
    async def on_get(self, _req: Request, resp: Response) -> None:
        async with self._pool.connection() as connection:
            found = await headcount.countries(connection)
        options = FilterOptions(
            is_active=[True, False],
            is_staff=[True, False],
            is_superuser=[True, False],
            gender=list(GENDERS),
            country=[CountryOption(code, self._names.get(code, code), n) for code, n in found],
            sort_by=list(SORTS),
            sort_order=list(SORT_ORDERS),
            limit=LimitOption(LIMIT_DEFAULT, LIMIT_MAX),
        )
        respond(resp, FilterOptionsAnswer(data=options))


def _words(text: str | None) -> str | None:
    """None for what is blank."""
    return (text or "").strip() or None
