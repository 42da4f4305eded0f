"""Whose pages may show the booking page in a frame, as staff keep them."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from core.embedding_origins import ORIGINS_MAX
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_all, fetch_all_as, find_as, find_one

_COLUMNS = "id, origin, created_by, created_at"
SQL_LIST = f"SELECT {_COLUMNS} FROM embedding_origin ORDER BY origin"
SQL_ORIGINS = "SELECT origin FROM embedding_origin ORDER BY origin"
SQL_BY_ORIGIN = f"SELECT {_COLUMNS} FROM embedding_origin WHERE origin = %s"
SQL_ALONE = "SELECT pg_advisory_xact_lock(hashtext('embedding_origin'))"
"""Those who allow origins come one after the other: their number decides."""
SQL_ALLOW = f"""
INSERT INTO embedding_origin (origin, created_by)
SELECT %(origin)s, %(by)s WHERE (SELECT count(*) FROM embedding_origin) < %(most)s
RETURNING {_COLUMNS}
"""
SQL_REMOVE = "DELETE FROM embedding_origin WHERE id = %s RETURNING origin"


class EmbeddingOrigin(Struct, frozen=True):
    id: int
    origin: str
    created_by: int | None
    created_at: datetime


async def listed(connection: AsyncConnection) -> list[EmbeddingOrigin]:
    """All of them, by their letters: there are at most `ORIGINS_MAX`."""
    return await fetch_all_as(connection, EmbeddingOrigin, SQL_LIST)


async def origins(connection: AsyncConnection) -> list[str]:
    return [origin for (origin,) in await fetch_all(connection, SQL_ORIGINS)]


async def find(connection: AsyncConnection, origin: str) -> EmbeddingOrigin | None:
    return await find_as(connection, EmbeddingOrigin, SQL_BY_ORIGIN, (origin,))


async def lock(connection: AsyncConnection) -> None:
    """Nobody else allows one until the transaction ends."""
    await connection.execute(SQL_ALONE)


async def allow(connection: AsyncConnection, origin: str, by: int | None) -> EmbeddingOrigin | None:
    """None if there are as many as there may be. Call it after `lock`, for one that is not listed yet."""
    return await find_as(connection, EmbeddingOrigin, SQL_ALLOW, {"origin": origin, "by": by, "most": ORIGINS_MAX})


async def remove(connection: AsyncConnection, origin_id: int) -> str | None:
    """What it was; None if there was none."""
    row = await find_one(connection, SQL_REMOVE, (origin_id,))
    return None if row is None else str(row[0])
