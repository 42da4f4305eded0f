"""Resources: what can be booked and closed. Services, rooms, practitioners and categories each have or share one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from core.domain.state import State
from core.domain.values import Resource
from core.store.connections.database import AsyncConnection, installed
from core.store.connections.pipeline import QueryPipeline
from core.store.connections.queries import fetch_all, fetch_one, find_one
from core.store.connections.round_trip import Rows
from core.store.lists.pages import rows_and_total

Kind = Literal["desk", "service", "room", "practitioner", "category"]

SQL_ADD = "INSERT INTO resource (kind, name, zone) VALUES (%s, %s, %s) RETURNING id"
SQL_SOME = "SELECT id, kind, name, zone FROM resource WHERE id = ANY(%s)"
SQL_ZONE = "SELECT zone FROM resource WHERE id = %s"
SQL_DESK = "SELECT id FROM resource WHERE kind = 'desk'"
SQL_PAGE = """
SELECT counted.total, r.id, r.kind, r.name, r.zone
FROM (SELECT count(*) AS total FROM resource WHERE %(kind)s::text IS NULL OR kind = %(kind)s) AS counted
LEFT JOIN (SELECT id, kind, name, zone FROM resource WHERE %(kind)s::text IS NULL OR kind = %(kind)s
           ORDER BY id LIMIT %(limit)s OFFSET %(offset)s) AS r ON true
ORDER BY r.id
"""


def ask_resources(pipeline: QueryPipeline, state: State, ids: Collection[int]) -> None:
    def store_resources(rows: Rows) -> None:
        state.resources |= {row[0]: Resource(*row) for row in rows}

    if ids:
        pipeline.ask(SQL_SOME, (list(ids),), store_resources)


async def add(connection: AsyncConnection, kind: Kind, name: str, zone: str) -> int:
    """The id of a new resource. `zone` is an IANA name."""
    return int((await fetch_one(connection, SQL_ADD, (kind, name, zone)))[0])


async def zone_of(connection: AsyncConnection, resource_id: int) -> str | None:
    """Its IANA time zone; None if there is no such resource."""
    row = await find_one(connection, SQL_ZONE, (resource_id,))
    return None if row is None else str(row[0])


async def desk_id(connection: AsyncConnection) -> int:
    """The id of the resource that is booked if none is named."""
    return int(installed(await find_one(connection, SQL_DESK), "desk")[0])


async def page(connection: AsyncConnection, kind: Kind | None, limit: int, offset: int) -> tuple[list[Resource], int]:
    """Resources of a kind, or of all, and how many there are."""
    rows = await fetch_all(connection, SQL_PAGE, {"kind": kind, "limit": limit, "offset": offset})
    return rows_and_total(rows, lambda row: Resource(*row))
