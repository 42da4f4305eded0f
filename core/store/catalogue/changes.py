"""How the catalogue is changed: by plain transactions, not by commands, with an exception for each refusal.

Each subject has a module of its own (`services`, `rooms`, ...) with `page` or `everything`, `one`, `create` and
`change`. They take a connection and return structs; the caller holds the transaction (`write`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg.rows import TupleRow

from core.store.connections.database import AsyncConnection
from core.store.connections.pool import Pool
from core.store.connections.queries import Values, fetch_one, find_one

SQL_SET_NAME = "name = %(name)s, name_key = CASE WHEN name = %(name)s THEN name_key ELSE %(name_key)s END"
"""A name that stays keeps its key: of two that are one by today's rule, which releases before 0033 let in, each can
still be changed and taken off the list."""


class CatalogueError(Exception):
    """The catalogue cannot be read or changed like this."""


class NotFoundError(CatalogueError):
    """There is no such row."""


class NameTakenError(CatalogueError):
    """Another row of the same kind has this name."""


class UnknownReferenceError(CatalogueError):
    """The row would refer to one that does not exist."""


class FullError(CatalogueError):
    """There are as many rows of the kind as there may be."""


async def read_one(connection: AsyncConnection, sql: str, values: Values) -> TupleRow:
    """The row of a key that a request named. Raises NotFoundError."""
    row = await find_one(connection, sql, values)
    if row is None:
        raise NotFoundError
    return row


async def check_not_full(connection: AsyncConnection, count_sql: str, most: int) -> None:
    """Raises FullError if there are `most` rows already."""
    (count,) = await fetch_one(connection, count_sql)
    if count >= most:
        raise FullError


@asynccontextmanager
async def write(pool: Pool) -> AsyncIterator[AsyncConnection]:
    """A connection within one transaction, which any exception rolls back.

    Raises NameTakenError and UnknownReferenceError for what a unique index or a foreign key refuses.
    """
    try:
        async with pool.connection() as connection, connection.transaction():
            yield connection
    except psycopg.errors.UniqueViolation as error:
        raise NameTakenError from error
    except psycopg.errors.ForeignKeyViolation as error:
        raise UnknownReferenceError from error
