"""Outcomes: a decided command moves here out of the inbox, and is looked up by id."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from core.store.connections.database import AsyncConnection, Connection
from core.store.sql.lost_races import require_count
from core.store.sql.parameters import json_of

_MOVED = "id, seq, type, contract, owner, request_id, accepted_at, actor, body, bulk_id, bulk_row"
_ANSWERS = "json_to_recordset(%s::json) AS o (id uuid, status text, http_status smallint, response json, about text[])"
_ANSWER = "status, http_status, response, about"
SQL_MOVE = f"""
WITH gone AS (
    DELETE FROM inbox i USING {_ANSWERS} WHERE i.id = o.id
    RETURNING {", ".join(f"i.{name.strip()}" for name in _MOVED.split(","))}, o.status, o.http_status, o.response, o.about
)
INSERT INTO outcome ({_MOVED}, {_ANSWER}, decided_at) SELECT gone.*, %s FROM gone
"""
"""Moves fewer rows than asked for if another transaction decided or withdrew one."""
SQL_MOVE_ALL = f"""
WITH found AS MATERIALIZED (
    SELECT {_MOVED}, {_ANSWER}, place
    FROM {_ANSWERS} CROSS JOIN LATERAL (
        SELECT {_MOVED.replace("id, ", "", 1)}, ctid AS place FROM inbox WHERE inbox.id = o.id OFFSET 0
    ) i
), kept AS (
    INSERT INTO outcome ({_MOVED}, {_ANSWER}, decided_at) SELECT {_MOVED}, {_ANSWER}, %s FROM found
), gone AS (
    DELETE FROM inbox WHERE ctid = ANY (ARRAY(SELECT place FROM found)) RETURNING id
)
{require_count("gone")}
"""
"""Moves all of them, or the race is lost and the batch is decided again. Each row is looked up by its id whatever the
statistics say: collected while the inbox is empty, as it mostly is, they would make each batch scan it from end to end,
also when ten thousand rows of a bulk wait there."""
CommandWord = Literal["accepted", "succeeded", "rejected", "failed"]


class Outcome(Struct, frozen=True):
    """A command's answer: one, and final."""

    status: CommandWord
    """succeeded, rejected or failed."""
    http_status: int
    body: bytes
    """JSON."""


DEFERRED = Outcome("accepted", 202, b"{}")
"""For a command whose answer comes later: it stays in the inbox."""


class _OutcomeRow(Struct, frozen=True):
    id: UUID
    status: str
    http_status: int
    response: msgspec.Raw
    about: Sequence[str]


def move_parameters(outcomes: Sequence[tuple[UUID, Outcome, Sequence[str]]], now: datetime) -> list[Any]:
    """For `SQL_MOVE`; each outcome with the people whose data the command holds (`core.store.data_subjects`).

    The response is kept byte for byte as the waiting client gets it.
    """
    rows = [_OutcomeRow(id_, o.status, o.http_status, msgspec.Raw(o.body), about) for id_, o, about in outcomes]
    return [json_of(rows), now]


def move(connection: Connection, answers: Sequence[tuple[UUID, Outcome, Sequence[str]]], now: datetime) -> int:
    """Out of the inbox, into the outcomes; how many of them were still there. `save` moves those of a batch."""
    return connection.execute(SQL_MOVE.encode(), move_parameters(answers, now)).rowcount


_REPLAY_OF = "(SELECT command_id FROM command_replay WHERE replayed_as = %(id)s)"
_REPLAYED_AS = "(SELECT replayed_as FROM command_replay WHERE command_id = %(id)s)"
SQL_LOOK_UP = f"""
SELECT id, type, owner, accepted_at, NULL::timestamptz, 'accepted', NULL::smallint, NULL::text, done, total, {_REPLAY_OF},
       NULL::uuid
FROM inbox WHERE id = %(id)s
UNION ALL
SELECT id, type, owner, accepted_at, decided_at, status, http_status, response::text, NULL, NULL, {_REPLAY_OF},
       {_REPLAYED_AS}
FROM outcome WHERE id = %(id)s
"""
"""One snapshot over both tables: a command that is being decided is found in one of them."""
SQL_DECIDED = """
SELECT id, type, owner, accepted_at, decided_at, status, http_status, response::text, NULL::integer, NULL::integer,
       (SELECT r.command_id FROM command_replay r WHERE r.replayed_as = outcome.id),
       (SELECT r.replayed_as FROM command_replay r WHERE r.command_id = outcome.id)
FROM outcome WHERE id = ANY(%s::uuid[])
"""
SQL_ANSWERS = "SELECT id, http_status, response::text FROM outcome WHERE id = ANY(%s::uuid[])"
SQL_UNDECIDED = "SELECT id FROM inbox WHERE id = ANY(%s::uuid[])"


class CommandRecord(Struct, frozen=True):
    """A command as it is looked up by its id."""

    id: UUID
    type: str
    owner: str | None
    accepted_at: datetime
    finished_at: datetime | None
    status: CommandWord
    http_status: int | None
    response: str | None
    """The body as JSON text, exactly as a waiting client got it."""
    done: int | None = None
    total: int | None = None
    """The progress of an unfinished command that is done in steps."""
    replay_of: UUID | None = None
    """The parked command that it was made from."""
    replayed_as: UUID | None = None
    """The command by which this one, which was parked, was sent again."""


async def look_up(connection: AsyncConnection, id_: UUID) -> CommandRecord | None:
    row = await (await connection.execute(SQL_LOOK_UP, {"id": id_})).fetchone()
    return CommandRecord(*row) if row else None


async def read_decided(connection: AsyncConnection, ids: Sequence[UUID]) -> list[CommandRecord]:
    """Those of these commands that are decided."""
    return [CommandRecord(*row) for row in await (await connection.execute(SQL_DECIDED, (ids,))).fetchall()]


async def read_answers(connection: AsyncConnection, ids: Sequence[UUID]) -> list[tuple[UUID, int, str]]:
    """(id, HTTP status, response) of those that are decided."""
    return await (await connection.execute(SQL_ANSWERS, (ids,))).fetchall()


async def undecided(connection: AsyncConnection, ids: Sequence[UUID]) -> set[UUID]:
    """Those of these commands that wait in the inbox."""
    return {row[0] for row in await (await connection.execute(SQL_UNDECIDED, (ids,))).fetchall()}
