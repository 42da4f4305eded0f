"""Bulks on disk: many rows accepted in one transaction, and what became of each.

A row is a command like any other: undecided it lies in the inbox, decided in the outcomes, and there
its bulk's id and its row number find it by index. Rows refused before the inbox are outcomes from the
start. The bulk's own row is never updated, so lanes that decide its rows do not meet in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import msgspec
from msgspec import Struct

from core.domain.commands import Actor, Command, CommandClass, PlaceAll, type_of
from core.domain.versions import version_of
from core.store.inbox.acceptance import KEY_LEADS_SOMEWHERE, TAKE_EXPIRED
from core.store.inbox.partition_keys import PARTITION_COLUMNS, SQL_PARTITION_CRC, PartitionKey, partition_row
from core.store.sql.parameters import json_of

CHUNK_ROWS = 1_000
"""Rows of one statement. A bulk goes in as several, in one transaction."""


class Mode(StrEnum):
    EACH = "each"
    ALL_OR_NOTHING = "all_or_nothing"


class Bulk(Struct, frozen=True):
    """What is known of a bulk from the beginning."""

    id: UUID
    owner: str
    mode: Mode
    rows: int
    refused: int
    """Before the inbox."""


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


SQL_TAKE_KEY = f"""
INSERT INTO idempotency_key (scope, key, body_hash, command_id) VALUES (%s, %s, %s, %s)
{TAKE_EXPIRED}
"""
"""The key of a bulk that is being inserted is waited for: then it is taken, or free again."""

SQL_KEY_OWNER = f"""
SELECT k.body_hash, k.command_id, {KEY_LEADS_SOMEWHERE}
FROM idempotency_key k WHERE k.scope = %s AND k.key = %s
"""
"""With whether the first bulk or command still exists."""

SQL_INSERT = "INSERT INTO bulk (id, owner, mode, rows, refused) VALUES (%s, %s, %s, %s, %s)"

SQL_ACCEPT_ROWS = f"""
WITH n AS (
    SELECT n.*, {SQL_PARTITION_CRC} AS crc
    FROM json_to_recordset(%(rows)s::json) AS n (
        id uuid, {PARTITION_COLUMNS}, type text, version smallint, body json, row integer, weight smallint)
), accepted AS (
    INSERT INTO inbox (id, lane, slot_crc, class, type, version, contract, owner, request_id, decide_before, actor,
                       body, bulk_id, bulk_row, weight)
    SELECT n.id, mod(n.crc, i.lanes), n.crc, %(class)s, n.type, n.version, %(contract)s, %(owner)s,
           %(request_id)s, %(decide_before)s::timestamptz, %(actor)s::json, n.body, %(bulk_id)s, n.row, n.weight
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


SQL_COUNTS = """
SELECT b.id, b.owner, b.mode, b.rows, b.refused,
       coalesce(sum(o.n) FILTER (WHERE o.status = 'succeeded'), 0)::integer,
       coalesce(sum(o.n) FILTER (WHERE o.status = 'rejected'), 0)::integer,
       coalesce(sum(o.n) FILTER (WHERE o.status = 'failed'), 0)::integer
FROM bulk b LEFT JOIN LATERAL (
    SELECT status, sum(CASE WHEN bulk_row IS NULL THEN b.rows - b.refused ELSE 1 END) AS n
    FROM outcome WHERE bulk_id = b.id GROUP BY status
) o ON true
WHERE b.id = ANY(%s::uuid[])
GROUP BY b.id
"""
"""Counted by index, at most 10,000 entries of it. The one outcome of an all-or-nothing bulk stands
for all its rows that went to the inbox."""


class RowCounts(Struct, frozen=True):
    """Rows by status; their sum is all rows."""

    accepted: int
    succeeded: int
    rejected: int
    failed: int


class BulkCounts(Struct, frozen=True):
    """How far a bulk is."""

    bulk: Bulk
    succeeded: int
    rejected: int
    failed: int

    @property
    def accepted(self) -> int:
        """Rows that are not decided yet."""
        return self.bulk.rows - self.succeeded - self.rejected - self.failed

    @property
    def by_status(self) -> RowCounts:
        return RowCounts(self.accepted, self.succeeded, self.rejected, self.failed)


def counts_of(row: tuple[Any, ...]) -> BulkCounts:
    """A row of `SQL_COUNTS`."""
    id_, owner, mode, rows, refused, *decided = row
    return BulkCounts(Bulk(id_, owner, Mode(mode), rows, refused), *decided)


SQL_ROWS_BETWEEN = """
SELECT bulk_row, status, http_status, response::text FROM outcome
WHERE bulk_id = %(id)s AND bulk_row > %(offset)s AND bulk_row <= %(offset)s + %(limit)s ORDER BY bulk_row
"""
"""Row numbers are dense: a page of them is a range. What is missing in it is not decided yet."""

SQL_ROWS_BY_STATUS = """
SELECT bulk_row, status, http_status, response::text FROM outcome
WHERE bulk_id = %(id)s AND status = %(status)s AND bulk_row IS NOT NULL
ORDER BY bulk_row LIMIT %(limit)s OFFSET %(offset)s
"""
SQL_DECIDED_ROWS = "SELECT bulk_row FROM outcome WHERE bulk_id = %(id)s AND bulk_row IS NOT NULL"
SQL_WHOLE = "SELECT status, http_status, response::text FROM outcome WHERE bulk_id = %(id)s AND bulk_row IS NULL"
"""The outcome of an all-or-nothing bulk's one command."""
