"""Categories of time slots: as staff keep them, and as a batch needs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.domain.names import folded
from core.domain.needs import Needs
from core.domain.state import State
from core.domain.values import Category, Resource
from core.store.catalogue.changes import SQL_SET_NAME, check_not_full, read_one
from core.store.connections.database import AsyncConnection
from core.store.connections.pipeline import QueryPipeline
from core.store.connections.queries import fetch_all, fetch_one
from core.store.connections.round_trip import Rows

CATEGORIES_MAX = 1_000
"""This many fit into the list, which has no pages."""
CATEGORIES_NAMED = 50
"""In a refusal, at most."""

_CATEGORIES = (
    "SELECT c.id, c.name, r.id, r.kind, r.name, r.zone FROM category c JOIN resource r ON r.id = c.resource_id"
)
SQL_ALL = f"{_CATEGORIES} ORDER BY c.id LIMIT %s"
SQL_SOME = f"{_CATEGORIES} WHERE c.id = ANY(%s)"
SQL_ONE = f"{_CATEGORIES} WHERE c.id = %s"
SQL_LOCK = f"{SQL_ONE} FOR NO KEY UPDATE OF c"
SQL_COUNT = "SELECT count(*) FROM category"
SQL_INSERT = "INSERT INTO category (name, name_key, resource_id) VALUES (%s, %s, %s) RETURNING id"
SQL_UPDATE = f"UPDATE category SET {SQL_SET_NAME}, resource_id = %(resource_id)s WHERE id = %(id)s"
SQL_NAMED_IDS = f"""
SELECT id FROM category WHERE id = %(id)s UNION (SELECT id FROM category ORDER BY id LIMIT {CATEGORIES_NAMED}) ORDER BY id
"""


async def everything(connection: AsyncConnection) -> list[Category]:
    """By id."""
    return [category_of(row) for row in await fetch_all(connection, SQL_ALL, (CATEGORIES_MAX,))]


async def one(connection: AsyncConnection, category_id: int, *, locked: bool = False) -> Category:
    """Raises NotFoundError."""
    return category_of(await read_one(connection, SQL_LOCK if locked else SQL_ONE, (category_id,)))


async def create(connection: AsyncConnection, name: str, resource_id: int) -> Category:
    """Raises FullError. The transaction raises NameTakenError, and UnknownReferenceError for the resource."""
    await check_not_full(connection, SQL_COUNT, CATEGORIES_MAX)
    (id_,) = await fetch_one(connection, SQL_INSERT, (name, folded(name), resource_id))
    return await one(connection, id_)


async def change(connection: AsyncConnection, category_id: int, name: str, resource_id: int) -> Category:
    """Update a locked category. The transaction raises as in `create`."""
    values = {"id": category_id, "name": name, "name_key": folded(name), "resource_id": resource_id}
    await connection.execute(SQL_UPDATE.encode(), values)
    return await one(connection, category_id)


async def named_ids(connection: AsyncConnection, category_id: int) -> list[int]:
    """The first ids, and this one if there is such a category."""
    return [row[0] for row in await fetch_all(connection, SQL_NAMED_IDS, {"id": category_id})]


def ask_categories(pipeline: QueryPipeline, state: State, needs: Needs) -> None:
    def store_categories(rows: Rows) -> None:
        state.categories |= {row[0]: category_of(row) for row in rows}

    if needs.categories:
        pipeline.ask(SQL_SOME, (list(needs.categories),), store_categories)


def category_of(row: Sequence[Any]) -> Category:
    """A category's columns, then its resource's."""
    return Category(row[0], row[1], Resource(*row[2:6]))
