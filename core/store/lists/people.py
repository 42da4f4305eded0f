"""People as staff find them: searched, filtered and sorted by index, at any number.

The tally has the totals of all but search, day and what is no country; those are counted to the limit.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Literal, get_args

from msgspec import Struct
from sqlalchemy import Select, and_, func, literal, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.elements import ColumnElement

from core.countries import country_code
from core.domain.names import folded
from core.store.lists.composition import beside_total, counted, summed
from core.store.lists.pages import Page, page_of
from core.store.person import Person
from core.store.sql.tables import user_account as u
from core.store.sql.tables import user_count as tally

INDEXED_CHARS = 3
"""Text of at least this many characters is found anywhere, by trigrams; a shorter one at the beginning of words."""
Gender = Literal["male", "female", "other"]
GENDERS: tuple[Gender, ...] = get_args(Gender)
SortWord = Literal[
    "id",
    "username",
    "first_name",
    "last_name",
    "email",
    "date_joined",
    "last_login",
    "is_active",
    "is_staff",
    "is_superuser",
]
SORTS: dict[SortWord, ColumnElement[Any]] = {
    "id": u.c.id,
    "username": u.c.username_key,
    "first_name": func.lower(u.c.first_name),
    "last_name": func.lower(u.c.last_name),
    "email": func.lower(u.c.shown_email),
    "date_joined": u.c.date_joined,
    "last_login": func.coalesce(u.c.last_login, literal_column("'-infinity'::timestamptz")),
    "is_active": u.c.is_active,
    "is_staff": u.c.is_staff,
    "is_superuser": u.c.is_superuser,
}
"""Each is an index's first column (migration 0010), the id its second. People who never logged in come first."""


_SHOWN_AS: dict[str, ColumnElement[Any]] = {
    "email": u.c.shown_email,
    "email_is_login": u.c.email.is_not(None),
    "is_anonymised": u.c.anonymised_at.is_not(None),
}
PERSON = [(_SHOWN_AS[name] if name in _SHOWN_AS else u.c[name]).label(name) for name in Person.__struct_fields__]


class PeopleFilter(Struct, frozen=True):
    """What a list asks for; every field that is given narrows it."""

    search: str | None = None
    is_active: bool | None = None
    is_staff: bool | None = None
    is_superuser: bool | None = None
    gender: str | None = None
    """One of `GENDERS`."""
    country: str | None = None
    """A code or a name, or whatever somebody sent as one."""
    joined_from: datetime | None = None
    joined_before: datetime | None = None

    @property
    def is_tallied(self) -> bool:
        by_index = (self.search, self.joined_from, self.joined_before)
        return all(one is None for one in by_index) and (self.country is None or country_code(self.country) is not None)


async def page(
    engine: AsyncEngine, wanted: PeopleFilter, sort_by: SortWord, limit: int, offset: int, *, descending: bool
) -> Page[Person]:
    """One page of the people wanted, and how many there are in all. `sort_by` is one of `SORTS`."""
    statement = _statement(wanted, SORTS[sort_by], limit, offset, descending=descending)
    async with engine.connect() as connection:
        rows = (await connection.execute(statement)).all()
    return page_of(rows, lambda row: Person(*row[:-1]), exact=wanted.is_tallied)


async def is_used(connection: AsyncConnection, country: str) -> bool:
    """Whether anybody has this as their country; it is no country's name."""
    found = select(literal(1)).where(_from(country)).limit(1)
    return (await connection.execute(found)).first() is not None


def _statement(
    wanted: PeopleFilter, by: ColumnElement[Any], limit: int, offset: int, *, descending: bool
) -> Select[Any]:
    order = [by.desc(), u.c.id.desc()] if descending else [by, u.c.id]
    chosen = _conditions(wanted)
    ids = select(u.c.id).where(*chosen).order_by(*order).limit(limit).offset(offset).subquery()
    place = func.row_number().over(order_by=order).label("place")
    listed = select(*PERSON, place).join(ids, ids.c.id == u.c.id).subquery()
    total = _tallied(wanted) if wanted.is_tallied else counted(select(u.c.id).where(*chosen))
    return beside_total(total, listed, [listed.c.place])


def _conditions(wanted: PeopleFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool] | None] = [
        None if wanted.search is None else u.c.words.like(_pattern(wanted.search)),
        *(None if value is None else column.is_(value) for column, value in _flags(u, wanted)),
        None if wanted.gender is None else u.c.gender_key == wanted.gender,
        None if wanted.country is None else _from(wanted.country),
        None if wanted.joined_from is None else u.c.date_joined >= wanted.joined_from,
        None if wanted.joined_before is None else u.c.date_joined < wanted.joined_before,
    ]
    return [condition for condition in found if condition is not None]


def _tallied(wanted: PeopleFilter) -> Select[Any]:
    chosen = [column.is_(value) for column, value in _flags(tally, wanted) if value is not None]
    if wanted.gender is not None:
        chosen.append(tally.c.gender_key == wanted.gender)
    if wanted.country is not None:
        chosen.append(tally.c.country_code == country_code(wanted.country))
    return summed(tally.c.people, *chosen)


def _flags(table: Any, wanted: PeopleFilter) -> list[tuple[Any, bool | None]]:
    return [
        (table.c.is_active, wanted.is_active),
        (table.c.is_staff, wanted.is_staff),
        (table.c.is_superuser, wanted.is_superuser),
    ]


def _from(country: str) -> ColumnElement[bool]:
    code = country_code(country)
    if code is not None:
        return u.c.country_key == code
    return and_(
        u.c.country_code.is_(None), u.c.country != literal_column("''"), func.folded(u.c.country) == folded(country)
    )


def _pattern(search: str) -> str:
    words = folded(search)
    escaped = re.sub(r"([\\%_])", r"\\\1", words)
    return f"%{escaped}%" if len(words) >= INDEXED_CHARS else f"% {escaped}%"
