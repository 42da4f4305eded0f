"""`GET /api/categories/` for everybody; staff create and change them (docs/contracts/calendar.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import falcon.asgi
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict

from api.contracts.calendar.examples import CATEGORIES, CATEGORY, CATEGORY_CHANGE
from api.contracts.changes import Problems, as_problems, check_unchanged, name_taken, unknown_resource
from api.http.audit import note_change
from api.http.bodies import read_json
from api.http.errors import Problem, invalid
from api.http.fields import Id, ZoneText, text
from api.http.forms import Rules
from api.http.responses import respond
from api.installation import InstallationWatch
from api.openapi import Content, operation
from core import text_forms
from core.domain.names import as_name
from core.domain.values import Category
from core.store.catalogue import categories, resources
from core.store.catalogue.categories import CATEGORIES_MAX
from core.store.catalogue.changes import FullError, NameTakenError, NotFoundError, UnknownReferenceError, write
from core.store.connections.database import AsyncConnection
from core.store.connections.pool import Pool
from core.wire.contracts.calendar import CategoryShown
from core.wire.errors import FieldProblem

PROBLEMS: Problems = {
    NotFoundError: lambda: Problem(404, "category_not_found", "Category not found"),
    NameTakenError: name_taken("name_taken", "There is a category of this name"),
    UnknownReferenceError: unknown_resource,
    FullError: lambda: Problem(409, "too_many_categories", f"There may be {CATEGORIES_MAX} categories at most"),
}

Name = Annotated[str, text(text_forms.LISTED_NAME, least=1, most=200)]
"""Without commas: a list of names in a query is separated by them."""


def _zone_of_its_own(body: NewCategory) -> Iterator[FieldProblem]:
    if body.resource_id is not None and body.time_zone is not None:
        yield FieldProblem("time_zone", "A shared resource keeps its own time zone")


class NewCategory(Struct, frozen=True, forbid_unknown_fields=True):
    """A category has a resource of its own unless it shares another (`resource_id`)."""

    name: Name
    resource_id: Id | None = None
    time_zone: ZoneText | None = None
    """IANA; by default the installation's. A shared resource has its own."""

    json_schema: ClassVar[Mapping[str, Any]] = {
        "anyOf": [{"properties": {"resource_id": {"type": "null"}}}, {"properties": {"time_zone": {"type": "null"}}}]
    }
    rules: ClassVar[Rules] = (_zone_of_its_own,)


class CategoryChange(Struct, frozen=True, forbid_unknown_fields=True):
    """The body. Only what is sent changes. Existing bookings keep their resource and name."""

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
            found = await categories.everything(connection)
        respond(resp, [CategoryShown(one.id, one.name) for one in found])


class AdminCategories:
    def __init__(self, pool: Pool, installation: InstallationWatch) -> None:
        self._pool = pool
        self._installation = installation

    @operation("List categories with their resources", answers={200: list[CategoryBody]})
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        async with self._pool.connection() as connection:
            found = await categories.everything(connection)
        respond(resp, [_body(one) for one in found])

    @operation(
        "Create a category",
        description="With a resource of its own, or sharing one: what takes its time then takes it for all of them.",
        body=Content(NewCategory, example=CATEGORY),
        answers={201: CategoryBody},
        refuses=("name_taken", "too_many_categories"),
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        sent = await read_json(req, NewCategory)
        name, zone = as_name(sent.name), self._installation.zone_for(sent.time_zone)
        async with as_problems(PROBLEMS), write(self._pool) as connection:
            resource_id = sent.resource_id or await resources.add(connection, "category", name, zone)
            category = await categories.create(connection, name, resource_id)
            await note_change(req, connection, "category.created", category.id, None, asdict(_body(category)))
        respond(resp, _body(category), 201)


class AdminCategory:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("Read a category", answers={200: CategoryBody}, refuses=("category_not_found",))
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, category_id: int) -> None:
        async with as_problems(PROBLEMS), self._pool.connection() as connection:
            category = await categories.one(connection, category_id)
        respond(resp, _body(category))

    @operation(
        "Change a category",
        description="Only what is sent changes. Existing bookings keep their resource and its name.",
        body=Content(CategoryChange, example=CATEGORY_CHANGE),
        answers={200: CategoryBody},
        refuses=("category_not_found", "name_taken"),
    )
    async def on_put(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, category_id: int) -> None:
        sent = await read_json(req, CategoryChange)
        async with as_problems(PROBLEMS), write(self._pool) as connection:
            before = await categories.one(connection, category_id, locked=True)
            check_unchanged(sent, {"id": before.id, "time_zone": before.resource.zone})
            resource_id = before.resource.id
            if not isinstance(sent.resource_id, UnsetType):
                await _check_zone(connection, before, sent.resource_id)
                resource_id = sent.resource_id
            name = before.name if sent.name in {UNSET, before.name} else as_name(str(sent.name))
            category = await categories.change(connection, category_id, name, resource_id)
            was, now = asdict(_body(before)), asdict(_body(category))
            await note_change(req, connection, "category.changed", category_id, was, now)
        respond(resp, _body(category))


async def _check_zone(connection: AsyncConnection, before: Category, resource_id: int) -> None:
    """Raise Problem 400 for a resource in another zone: existing slots and bookings have days of this one."""
    zone, kept = await resources.zone_of(connection, resource_id), before.resource.zone
    if zone not in {None, kept}:
        words = f"That resource's time zone is {zone}, and a category keeps its own, {kept}"
        raise invalid([FieldProblem("resource_id", words)])


def _body(category: Category) -> CategoryBody:
    return CategoryBody(category.id, category.name, category.resource.id, category.resource.zone)
