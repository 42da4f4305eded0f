"""The database and the settings, as a command meets them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from ops.cli.errors import CommandError, expected, one_line

if TYPE_CHECKING:
    from core.settings import Settings
    from core.store.connections.database import AsyncConnection, Connection


def read_settings() -> Settings:
    """As every process reads them."""
    from core.settings import SettingsError, from_environment  # noqa: PLC0415 - `holdfast --help` needs none of it

    with expected(SettingsError):
        return from_environment()


@contextmanager
def database(settings: Settings, purpose: str) -> Iterator[Connection]:
    """A session of the application's role within the limits of the API's, `holdfast PURPOSE` to pg_stat_activity."""
    from core.store.connections.database import API_LIMITS, connect  # noqa: PLC0415 - as above

    with database_errors(), connect(settings.database_url, API_LIMITS, f"holdfast {purpose}") as connection:
        yield connection


@asynccontextmanager
async def database_async(settings: Settings, purpose: str) -> AsyncIterator[AsyncConnection]:
    """The same on an event loop, for functions that the API has there."""
    from core.store.connections.database import API_LIMITS, connect_async  # noqa: PLC0415 - as above

    with database_errors():
        connection = await connect_async(settings.database_url, API_LIMITS, f"holdfast {purpose}")
        async with connection:
            yield connection


@contextmanager
def database_errors() -> Iterator[None]:
    """A database that cannot be reached, is not migrated or takes too long is an expected error."""
    import psycopg  # noqa: PLC0415 - as above

    try:
        yield
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        raise CommandError("The database is not at this release: run holdfast migrate first.") from None
    except psycopg.OperationalError as problem:
        raise CommandError(f"PostgreSQL does not answer as it should: {one_line(problem)}") from None
