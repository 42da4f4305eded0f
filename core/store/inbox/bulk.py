"""Bulks on disk: many rows accepted in one transaction. What became of them: `bulk_status`.

A row is a command like any other: undecided it lies in the inbox, decided in the outcomes, and there
its bulk's id and its row number find it by index. Rows refused before the inbox are outcomes from the
start. The bulk's own row is never updated, so lanes that decide its rows do not meet in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
from msgspec import Struct

from core.domain.commands import Actor, Command, CommandClass, PlaceAll, type_of
from core.domain.versions import version_of
from core.store.connections.database import AsyncConnection, database_now_async
from core.store.feed_events import SQL_EVENTS, bulk_accepted, event_parameters
from core.store.inbox.acceptance import TAKE_EXPIRED, IdempotencyKey, key_owners, release_key
from core.store.inbox.bulk_status import Bulk, read_counts
from core.store.inbox.partition_keys import PARTITION_COLUMNS, SQL_PARTITION_CRC, PartitionKey, partition_row
from core.store.sql.parameters import chunks, json_of

CHUNK_ROWS = 1_000
"""Rows of one statement. A bulk goes in as several, in one transaction."""


ROWS_TRACED = 10
"""Of a sampled bulk only the first rows are traced: nobody reads a trace of ten thousand decisions."""


class BulkCommand(Struct, frozen=True):
    """One command of a bulk, about to be accepted."""

    partition_key: PartitionKey
    command: Command
    row: int | None
    """From 1; None for the one command of an all-or-nothing bulk, whose id is the bulk's."""
    weight: int = 1

    @property
    def rows(self) -> tuple[int, ...]:
        """The numbers of all rows that it is for."""
        if self.row is not None:
            return (self.row,)
        return tuple(one.row for one in self.command.rows) if isinstance(self.command, PlaceAll) else ()


class BulkRefusal(Struct, frozen=True):
    """A row that goes no further: its answer, as a single call would have got it."""

    row: int
    http_status: int
    response: msgspec.Raw


class Sender(Struct, frozen=True):
    """What all commands of a bulk have in common."""

    contract: str
    actor: Actor
    request_id: str
    decide_before: datetime | None
    address: str | None = None
    traceparent: str | None = None
    """Of the sampled trace that the first `ROWS_TRACED` commands belong to; None if there is none."""


class NewBulk(Struct, frozen=True):
    """A bulk about to be accepted."""

    bulk: Bulk
    sender: Sender
    commands: Sequence[BulkCommand]
    refusals: Sequence[BulkRefusal]
    key: IdempotencyKey | None


class KeyReusedError(Exception):
    """The idempotency key was used with another body."""


class KeyContendedError(Exception):
    """The idempotency key was freed again and again while this bulk tried to take it."""


KEY_WAIT_S = 4
"""How long a repeat waits for the first request that is being written, before it is told to come again."""
TAKE_TRIES = 3
"""How often to take a key that turns out to be free again. A bulk is never written without its key."""

SQL_TAKE_KEY = f"""
INSERT INTO idempotency_key (scope, key, body_hash, command_id) VALUES (%s, %s, %s, %s)
{TAKE_EXPIRED}
"""
"""The key of a bulk that is being inserted is waited for: then it is taken, or free again."""

SQL_INSERT = "INSERT INTO bulk (id, owner, mode, rows, refused) VALUES (%s, %s, %s, %s, %s)"

SQL_ACCEPT_ROWS = f"""
WITH n AS (
    SELECT n.*, {SQL_PARTITION_CRC} AS crc
    FROM json_to_recordset(%(rows)s::json) AS n (
        id uuid, {PARTITION_COLUMNS}, type text, version smallint, body json, row integer, weight smallint)
), accepted AS (
    INSERT INTO inbox (id, lane, slot_crc, class, type, version, contract, owner, request_id, decide_before, actor,
                       body, bulk_id, bulk_row, weight, address, traceparent)
    SELECT n.id, mod(n.crc, i.lanes), n.crc, %(class)s, n.type, n.version, %(contract)s, %(owner)s,
           %(request_id)s, %(decide_before)s::timestamptz, %(actor)s::json, n.body, %(bulk_id)s, n.row, n.weight,
           %(address)s, CASE WHEN coalesce(n.row, 1) <= %(rows_traced)s THEN %(traceparent)s::text END
    FROM n, installation i
    ORDER BY n.row
    RETURNING lane
)
SELECT DISTINCT lane FROM accepted
"""

SQL_REFUSE_ROWS = """
INSERT INTO outcome (id, seq, type, contract, owner, request_id, accepted_at, actor, body, decided_at, status,
                     http_status, response, bulk_id, bulk_row)
SELECT gen_random_uuid(), 0, %(type)s, %(contract)s, %(owner)s, %(request_id)s, now(), %(actor)s::json, '{}', now(),
       'rejected', n.http_status, n.response, %(bulk_id)s, n.row
FROM json_to_recordset(%(rows)s::json) AS n (row integer, http_status smallint, response json)
"""
"""What was sent is not kept: it may be anything, and the answer says what is wrong with it."""


class _Row(Struct, frozen=True):
    id: UUID
    slot_crc: int | None
    service_key: str | None
    room_id: int | None
    day: date | None
    type: str
    version: int
    body: Command
    row: int | None
    weight: int


def accept_parameters(bulk: Bulk, sender: Sender, commands: Sequence[BulkCommand]) -> dict[str, Any]:
    """For `SQL_ACCEPT_ROWS`, one chunk."""
    return {
        **_common(bulk, sender),
        "class": CommandClass.BULK,
        "decide_before": sender.decide_before,
        "address": sender.address,
        "rows_traced": ROWS_TRACED,
        "traceparent": sender.traceparent,
        "rows": json_of([_row(bulk, sender, one) for one in commands]),
    }


def _row(bulk: Bulk, sender: Sender, one: BulkCommand) -> _Row:
    slot = partition_row(one.partition_key)
    return _Row(
        bulk.id if one.row is None else uuid4(),
        slot.slot_crc,
        slot.service_key,
        slot.room_id,
        slot.day,
        type_of(one.command),
        version_of(one.command, sender.actor),
        one.command,
        one.row,
        one.weight,
    )


def refuse_parameters(bulk: Bulk, sender: Sender, type_: str, refusals: Sequence[BulkRefusal]) -> dict[str, Any]:
    """For `SQL_REFUSE_ROWS`, one chunk."""
    return {**_common(bulk, sender), "type": type_, "rows": json_of(refusals)}


def _common(bulk: Bulk, sender: Sender) -> dict[str, Any]:
    return {
        "bulk_id": bulk.id,
        "contract": sender.contract,
        "owner": sender.actor.owner,
        "request_id": sender.request_id,
        "actor": json_of(sender.actor),
    }


async def accept(connection: AsyncConnection, new: NewBulk) -> tuple[Bulk, set[int]]:
    """Write a bulk, all or nothing: (what is on disk, the lanes that have something new to decide).

    On disk is this bulk, or the first one with the same key. Raises KeyReusedError, KeyContendedError.
    """
    async with connection.transaction():
        first = await _first_with_key(connection, new)
        return (new.bulk, await _insert(connection, new)) if first is None else (first, set())


async def read_bulk(connection: AsyncConnection, id_: UUID) -> Bulk | None:
    found = await read_counts(connection, [id_])
    return found[0].bulk if found else None


async def _first_with_key(connection: AsyncConnection, new: NewBulk) -> Bulk | None:
    """The bulk that had this key first; None if it is ours now."""
    key = new.key
    if key is None:
        return None
    await connection.execute(f"SET LOCAL lock_timeout = '{KEY_WAIT_S}s'".encode())
    for _ in range(TAKE_TRIES):
        taken = await connection.execute(SQL_TAKE_KEY, (key.scope, key.key, key.body_hash, new.bulk.id))
        if taken.rowcount:
            return None
        owner = (await key_owners(connection, [key])).get((key.scope, key.key))
        if owner is None:
            continue  # deleted just now
        if owner.exists and owner.body_hash != key.body_hash:
            raise KeyReusedError
        if (first := await read_bulk(connection, owner.command_id)) is not None:
            return first
        await release_key(connection, key, owner.command_id)
    raise KeyContendedError


async def _insert(connection: AsyncConnection, new: NewBulk) -> set[int]:
    bulk, sender = new.bulk, new.sender
    await connection.execute(SQL_INSERT, (bulk.id, bulk.owner, bulk.mode, bulk.rows, bulk.refused))
    for refused in chunks(new.refusals, CHUNK_ROWS):
        await connection.execute(SQL_REFUSE_ROWS, refuse_parameters(bulk, sender, "place", refused))
    lanes: set[int] = set()
    for commands in chunks(new.commands, CHUNK_ROWS):
        rows = await connection.execute(SQL_ACCEPT_ROWS, accept_parameters(bulk, sender, commands))
        lanes |= {row[0] for row in await rows.fetchall()}
    news = bulk_accepted(bulk.id, sender.actor, sender.contract, sender.request_id, sender.traceparent)
    await connection.execute(SQL_EVENTS, event_parameters([news], await database_now_async(connection)))
    return lanes
