"""People: the list, its statistics and what it can be filtered by (docs/contracts/appointments.md)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from falcon.asgi import Request, Response
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncEngine

from api.contracts.appointments.booking_lists import Page, listed
from api.http.errors import invalid
from api.http.fields import text
from api.http.parameters import LIMIT_DEFAULT, LIMIT_MAX, Limit, Offset, Word, read_query
from api.http.responses import respond
from api.installation import InstallationWatch
from api.openapi import operation
from core.countries import countries, country_code
from core.domain.resources.local_time import day_bounds
from core.store.connections.pool import Pool
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
    """`stats` as in the statistics of bookings; the same in `data`, as in every other answer."""

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

    def __init__(self, engine: AsyncEngine, installation: InstallationWatch) -> None:
        self._engine = engine
        self._installation = installation

    @operation("List users", query=Filters, answers={200: Page[AdminUser]})
    async def on_get(self, req: Request, resp: Response) -> None:
        query = read_query(req, Filters)
        wanted = self._wanted(query)
        limit, offset, descending = query.limit, query.offset, query.sort_order == "desc"
        await self._check_country(wanted.country)
        found = await people.page(self._engine, wanted, query.sort_by, limit, offset, descending=descending)
        data = [admin_user(person) for person in found.rows]
        respond(resp, listed("Users retrieved successfully", data, found.total, limit, offset))

    def _wanted(self, query: Filters) -> PeopleFilter:
        last = query.date_joined_to
        return PeopleFilter(
            search=_words(query.search),
            is_active=query.is_active,
            is_staff=query.is_staff,
            is_superuser=query.is_superuser,
            gender=query.gender,
            country=_words(query.country),
            joined_from=self._begin(query.date_joined_from),
            joined_before=self._begin(last + timedelta(days=1) if last else None),
        )

    def _begin(self, day: date | None) -> datetime | None:
        """When a day begins where this installation is."""
        return None if day is None else day_bounds(day, self._installation.time_zone)[0]

    async def _check_country(self, country: str | None) -> None:
        """Raise Problem 400 for a text that is neither a country nor stored as somebody's."""
        if country is None or country_code(country) is not None:
            return
        async with self._engine.connect() as connection:
            if await people.is_used(connection, country):
                return
        allowed = ", ".join(f"{one.name} ({one.code})" for one in countries())
        raise invalid([FieldProblem("country", f"country must be one of {allowed}")])


class UserStats:
    """`GET /api/admin/users/stats/`: exact from the tally; new users are counted to a limit."""

    def __init__(self, pool: Pool, installation: InstallationWatch) -> None:
        self._pool = pool
        self._installation = installation

    @operation("Count users", answers={200: UserStatsAnswer})
    async def on_get(self, _req: Request, resp: Response) -> None:
        async with self._pool.connection() as connection:
            stats = await headcount.stats(connection, self._installation.time_zone)
        recent = {name: getattr(stats, name) for name in _RECENT}
        figures = replace(stats, **{name: min(count, COUNT_EXACT_TO) for name, count in recent.items()})
        exact = all(count <= COUNT_EXACT_TO for count in recent.values())
        respond(resp, UserStatsAnswer(data=figures, stats=figures, total_exact=exact))


_RECENT = ("today_users", "week_users", "month_users")


class UserFilterOptions:
    """`GET /api/admin/users/filter-options/`: the values that the list accepts, and the countries in use."""

    def __init__(self, pool: Pool) -> None:
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
    """None for a blank text."""
    return (text or "").strip() or None
