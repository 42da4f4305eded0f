"""SQLAlchemy engines, on connections that are opened like all others: by libpq, with their limits.

Their errors do not show the parameters of a statement: logs have them, and parameters are personal data.
"""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from core.store.connections.database import connect, connect_as
from core.store.connections.round_trip import STALE_STATES

DIALECT = "postgresql+psycopg://"
"""No address: libpq parses our own URL, as SQLAlchemy understands fewer forms."""


def engine(url: str, limits: dict[str, str], application: str, **options: Any) -> Engine:
    def opened() -> psycopg.Connection[Any]:
        connection = connect(url, limits, application)
        connection.autocommit = False  # SQLAlchemy itself begins transactions
        return connection

    made = create_engine(DIALECT, creator=opened, hide_parameters=True, **options)
    event.listen(made, "handle_error", _replace_stale)
    return made


def async_engine(
    url: str,
    limits: dict[str, str],
    application: str,
    connection_class: type[psycopg.AsyncConnection[Any]] = psycopg.AsyncConnection,
    **options: Any,
) -> AsyncEngine:
    async def opened() -> psycopg.AsyncConnection[Any]:
        connection = await connect_as(connection_class, url, limits, application)
        await connection.set_autocommit(False)
        return connection

    made = create_async_engine(DIALECT, async_creator=opened, hide_parameters=True, **options)
    event.listen(made.sync_engine, "handle_error", _replace_stale)
    return made


def _replace_stale(context: ExceptionContext) -> None:
    """Discard a session that has lost its prepared statements: it would fail every time."""
    problem = context.original_exception
    if isinstance(problem, psycopg.Error) and problem.sqlstate in STALE_STATES:
        context.is_disconnect = True
