"""`GET /api/categories/` for everybody; staff make and change them (plain transactions: the catalogue)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import falcon.asgi
import psycopg
from msgspec import UNSET, Struct, UnsetType
from psycopg import AsyncConnection

from api.contracts.calendar.examples import CATEGORIES, CATEGORY
from api.contracts.calendar.lookups import Pool
from api.http.bodies import read_json
from api.http.errors import Problem, invalid
from api.http.fields import ZONE, Id, ZoneText, text
from api.http.forms import Rules
from api.openapi import Content, operation
from core import text_forms
from core.domain.names import as_name, folded
from core.settings import Settings
from core.wire.contracts.calendar import CategoryShown
from core.wire.errors import FieldProblem
from core.wire.outcomes import encode

CATEGORIES_MAX = 1_000
"""So many fit into the list, which has no pages."""

_FROM = "FROM category c JOIN resource r ON r.id = c.resource_id"
SQL_NAMES = "SELECT id, name FROM category ORDER BY id LIMIT %s"
SQL_LIST = f"SELECT c.id, c.name, c.resource_id, r.zone {_FROM} ORDER BY c.id LIMIT %s"
SQL_ONE = f"SELECT c.id, c.name, c.resource_id, r.zone {_FROM} WHERE c.id = %s"
SQL_ZONE = "SELECT zone FROM resource WHERE id = %s"
SQL_COUNT = "SELECT count(*) FROM category"
SQL_RESOURCE = "INSERT INTO resource (kind, name, zone) VALUES ('category', %s, %s) RETURNING id"
SQL_INSERT = "INSERT INTO category (name, name_key, resource_id) VALUES (%s, %s, %s) RETURNING id"
SQL_UPDATE = """
UPDATE category SET name = coalesce(%(name)s, name), name_key = coalesce(%(key)s, name_key),
       resource_id = coalesce(%(resource_id)s, resource_id)
WHERE id = %(id)s RETURNING id
"""

Name = Annotated[str, text(text_forms.LISTED_NAME, least=1, most=200)]
"""Without commas: a list of names in a query is separated by them."""


def _zone_of_its_own(body: NewCategory) -> Iterator[FieldProblem]:
    if body.resource_id is not None and body.time_zone is not None:
        yield FieldProblem("time_zone", "A shared resource keeps its own time zone")


class NewCategory(Struct, frozen=True, forbid_unknown_fields=True):
    """The body. A category has a resource of its own unless it is to share one that is there."""

    name: Name
    resource_id: Id | None = None
    time_zone: ZoneText | None = None
    """IANA; the setting's unless given. A shared resource has its own."""

    json_schema: ClassVar[Mapping[str, Any]] = {
        "anyOf": [{"properties": {"resource_id": {"type": "null"}}}, {"properties": {"time_zone": {"type": "null"}}}]
    }
    rules: ClassVar[Rules] = (_zone_of_its_own,)


class CategoryChange(Struct, frozen=True, forbid_unknown_fields=True):
    """The body. Only what is sent changes. Bookings that are there keep their resource and name."""

    name: Name | UnsetType = UNSET
    resource_id: Id | UnsetType = UNSET
    id: Id | UnsetType = UNSET
    time_zone: Annotated[str, text(text_forms.ZONE)] | UnsetType = UNSET


class CategoryBody(Struct, frozen=True):
    """A category as staff see it."""

    id: int
    name: str
    resource_id: int
    time_zone: str


class Categories:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("List categories", answers={200: Content(list[CategoryShown], example=CATEGORIES)})
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(SQL_NAMES, (CATEGORIES_MAX,))).fetchall()
        resp.data = encode([CategoryShown(*row) for row in rows])
        resp.content_type = falcon.MEDIA_JSON


class AdminCategories:
    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._zone = settings.time_zone

    @operation("List categories with their resources", answers={200: list[CategoryBody]})
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(SQL_LIST, (CATEGORIES_MAX,))).fetchall()
        resp.data = encode([CategoryBody(*row) for row in rows])
        resp.content_type = falcon.MEDIA_JSON

    @operation(
        "Create a category",
        description="With a resource of its own, or sharing one: what takes its time then takes it for all of them.",
        body=Content(NewCategory, example=CATEGORY),
        answers={201: CategoryBody},
        refuses=("name_taken", "too_many_categories"),
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        sent = await read_json(req, NewCategory)
        async with self._pool.connection() as connection:
            made = await _writing(self._made, connection, sent)
        resp.status = 201
        resp.data = encode(made)
        resp.content_type = falcon.MEDIA_JSON

    async def _made(self, connection: AsyncConnection[Any], sent: NewCategory) -> CategoryBody:
        zone = self._zone if sent.time_zone is None else ZONE(sent.time_zone)
        (count,) = await _one(connection, SQL_COUNT)
        if count >= CATEGORIES_MAX:
            raise Problem(409, "too_many_categories", f"There may be {CATEGORIES_MAX} categories at most")
        name = as_name(sent.name)
        resource_id = sent.resource_id or (await _one(connection, SQL_RESOURCE, name, zone))[0]
        (id_,) = await _one(connection, SQL_INSERT, name, folded(name), resource_id)
        return CategoryBody(*await _one(connection, SQL_ONE, id_))


class AdminCategory:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("Read a category", answers={200: CategoryBody}, refuses=("category_not_found",))
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, category_id: int) -> None:
        async with self._pool.connection() as connection:
            resp.data = encode(await _read(connection, category_id))
        resp.content_type = falcon.MEDIA_JSON

    @operation(
        "Change a category",
        description="Only what is sent changes. Bookings that are there keep their resource and its name.",
        body=Content(CategoryChange, example=CATEGORY),
        answers={200: CategoryBody},
        refuses=("category_not_found", "name_taken"),
    )
    async def on_put(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, category_id: int) -> None:
        sent = await read_json(req, CategoryChange)
        async with self._pool.connection() as connection:
            resp.data = encode(await _writing(_changed, connection, category_id, sent))
        resp.content_type = falcon.MEDIA_JSON


async def _read(connection: AsyncConnection[Any], category_id: int) -> CategoryBody:
    row = await (await connection.execute(SQL_ONE, (category_id,))).fetchone()
    if row is None:
        raise Problem(404, "category_not_found", "Category not found")
    return CategoryBody(*row)


async def _changed(connection: AsyncConnection[Any], category_id: int, sent: CategoryChange) -> CategoryBody:
    before = await _read(connection, category_id)
    kept = {"id": before.id, "time_zone": before.time_zone}
    moved = [name for name, value in kept.items() if getattr(sent, name) not in {UNSET, value}]
    if moved:
        raise invalid([FieldProblem(name, f"{name} cannot be changed") for name in moved])
    await _check_resource(connection, before, sent.resource_id)
    name = None if isinstance(sent.name, UnsetType) or sent.name == before.name else as_name(sent.name)
    values = {
        "id": category_id,
        "name": name,
        "key": folded(name) if name else None,
        "resource_id": None if sent.resource_id is UNSET else sent.resource_id,
    }
    await connection.execute(SQL_UPDATE, values)
    return await _read(connection, category_id)


async def _check_resource(connection: AsyncConnection[Any], before: CategoryBody, resource_id: int | UnsetType) -> None:
    """Raise Problem 400 for a resource in another zone: slots and bookings that are there have days of this one."""
    if resource_id is UNSET:
        return
    row = await (await connection.execute(SQL_ZONE, (resource_id,))).fetchone()
    if row is not None and row[0] != before.time_zone:
        words = f"That resource's time zone is {row[0]}, and a category keeps its own, {before.time_zone}"
        raise invalid([FieldProblem("resource_id", words)])


async def _writing(act: Any, connection: AsyncConnection[Any], *arguments: Any) -> CategoryBody:
    """In one transaction. What the database refuses is the caller's to mend."""
    try:
        async with connection.transaction():
            made: CategoryBody = await act(connection, *arguments)
    except psycopg.errors.UniqueViolation:
        words = "There is a category of this name"
        raise Problem(409, "name_taken", words, [FieldProblem("name", words)]) from None
    except psycopg.errors.ForeignKeyViolation:
        raise invalid([FieldProblem("resource_id", "There is no such resource")]) from None
    return made


async def _one(connection: AsyncConnection[Any], statement: str, *values: Any) -> tuple[Any, ...]:
    row = await (await connection.execute(statement.encode(), values)).fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING, count or what was just written
    found: tuple[Any, ...] = row
    return found
