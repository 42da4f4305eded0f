"""Accepting commands: they are on disk before their clients get an answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID, uuid4

from msgspec import Struct

from core.domain.command_handler import AlsoLoaded
from core.domain.command_table import HANDLERS, HEAVIEST, own_weight
from core.domain.commands import ENGINE, Actor, Command, CommandClass, type_of
from core.domain.versions import version_of
from core.store.connections.database import AsyncConnection, Connection
from core.store.inbox.partition_keys import PARTITION_COLUMNS, SQL_PARTITION_CRC, PartitionKey, partition_row
from core.store.inbox.reading import decode_command
from core.store.maintenance.retention import IDEMPOTENCY_HOURS
from core.store.sql.parameters import json_of


class NewCommand(Struct, frozen=True):
    """A command about to be accepted."""

    id: UUID
    partition_key: PartitionKey
    command_class: CommandClass
    contract: str
    actor: Actor
    request_id: str
    reply_to: str | None
    decide_before: datetime | None
    command: Command
    has_chosen_id: bool = False
    """Chosen by the front door, which may send the same request twice with the same id."""
    address: str | None = None
    """Where staff or an agent key sends it from."""
    traceparent: str | None = None
    """Of the sampled trace that it belongs to (W3C); None if there is none."""


def engine_command(
    command: Command,
    key: PartitionKey,
    *,
    request_id: str | None = None,
    request_prefix: str = "engine",
    id_: UUID | None = None,
    command_class: CommandClass = CommandClass.INTERACTIVE,
    contract: str = "engine",
    actor: Actor = ENGINE,
    traceparent: str | None = None,
) -> NewCommand:
    """A command that Holdfast itself sends: no client waits for its answer.

    Its request id is `request_id`, or `request_prefix` with the beginning of its own id.
    """
    id_ = id_ or uuid4()
    return NewCommand(
        id=id_,
        partition_key=key,
        command_class=command_class,
        contract=contract,
        actor=actor,
        request_id=request_id or f"{request_prefix}-{id_.hex[:12]}",
        reply_to=None,
        decide_before=None,
        command=command,
        traceparent=traceparent,
    )


class IdempotencyKey(Struct, frozen=True):
    """A client's own name for a request, within its scope (the user, key or address)."""

    scope: str
    key: str
    body_hash: bytes


KEY_EXPIRED = f"idempotency_key.created_at < clock_timestamp() - interval '{IDEMPOTENCY_HOURS} hours'"
"""A key expires by its age, whether or not its row is deleted yet."""
TAKE_EXPIRED = f"""
    ON CONFLICT (scope, key) DO UPDATE
    SET body_hash = excluded.body_hash, command_id = excluded.command_id, created_at = excluded.created_at
    WHERE {KEY_EXPIRED}
"""
_LOOKED_AT = 10_000
"""At most this many rows are counted, far more than a batch holds."""


def _types(*of: AlsoLoaded) -> str:
    tags = sorted(str(kind.__struct_config__.tag) for kind, one in HANDLERS.items() if one.also_loaded in of)
    return ", ".join(f"'{tag}'" for tag in tags)


_PARTS = """(SELECT count(*) FROM marketplace_booking f WHERE f.parent_id IN (
    SELECT coalesce(m.parent_id, m.booking_id) FROM marketplace_booking m WHERE m.booking_id = ANY({bookings})))"""
_NAMED = """CASE WHEN n.body->'booking_ids' IS NULL THEN ARRAY[(n.body->>'booking_id')::bigint]
             ELSE ARRAY(SELECT json_array_elements_text(n.body->'booking_ids')::bigint) END"""
_PAID = "ARRAY(SELECT booking_id FROM payment WHERE id = (n.body->>'payment_id')::uuid)"
_DAYS = """tstzrange(((n.body->>'first_day')::date - interval '1 day') AT TIME ZONE 'UTC',
                   ((n.body->>'last_day')::date + interval '2 days') AT TIME ZONE 'UTC')"""
"""Wide enough for the days of any zone."""
_SLOTS = """SELECT FROM category k JOIN time_slot s ON s.category_id = k.id AND s.deleted_at IS NULL
             AND tstzrange(s.starts_at, s.ends_at) && {during} WHERE k.resource_id = {resource}"""
_CLOSED = f"""(SELECT count(*) FROM (
    SELECT FROM claim c WHERE c.resource_id = (n.body->>'resource_id')::bigint AND c.during && {_DAYS}
    UNION ALL {_SLOTS.format(during=_DAYS, resource="(n.body->>'resource_id')::bigint")} LIMIT {_LOOKED_AT}) AS inside)"""
_REOPENED = f"""(SELECT count(*) FROM closure c CROSS JOIN LATERAL (
    {_SLOTS.format(during="c.during", resource="c.resource_id")} LIMIT {_LOOKED_AT}) AS inside
    WHERE c.id = (n.body->>'closure_id')::bigint)"""

SQL_WEIGHT = f"""least(n.weight + CASE
    WHEN n.type IN ({_types(AlsoLoaded.NOTHING)}) THEN 0
    WHEN n.type IN ({_types(AlsoLoaded.PURCHASES)}) THEN {_PARTS.format(bookings=_NAMED)}
    WHEN n.type IN ({_types(AlsoLoaded.PURCHASE_PAID)}) THEN {_PARTS.format(bookings=_PAID)}
    WHEN n.type IN ({_types(AlsoLoaded.TIME_CLOSED)}) THEN {_CLOSED}
    WHEN n.type IN ({_types(AlsoLoaded.TIME_REOPENED)}) THEN {_REOPENED}
    ELSE 0 END, {HEAVIEST})"""
"""Of a row `n` with `type`, `body` and its own `weight`."""

SQL_ACCEPT = f"""
WITH n AS (
    SELECT n.*, {SQL_PARTITION_CRC} AS crc
    FROM ROWS FROM (json_to_recordset(%s::json) AS (
        id uuid, {PARTITION_COLUMNS}, class smallint, type text, version smallint, contract text, owner text,
        request_id text, reply_to text, decide_before timestamptz, actor json, body json, weight smallint, scope text,
        key text, body_hash text, is_chosen boolean, address text, traceparent text)) WITH ORDINALITY
        AS n (id, slot_crc, service_key, room_id, day, class, type, version, contract, owner, request_id, reply_to,
              decide_before, actor, body, weight, scope, key, body_hash, is_chosen, address, traceparent, place)
    WHERE NOT (n.is_chosen AND (EXISTS (SELECT FROM inbox i WHERE i.id = n.id)
                                OR EXISTS (SELECT FROM outcome o WHERE o.id = n.id)))
), keyed AS (
    INSERT INTO idempotency_key (scope, key, body_hash, command_id)
    SELECT DISTINCT ON (scope, key) scope, key, decode(body_hash, 'hex'), id
    FROM n WHERE key IS NOT NULL ORDER BY scope, key, place
    {TAKE_EXPIRED}
    RETURNING command_id
)
INSERT INTO inbox (id, lane, slot_crc, class, type, version, contract, owner, request_id, reply_to, decide_before,
                   actor, body, weight, address, traceparent)
SELECT n.id, mod(n.crc, i.lanes), n.crc, n.class, n.type, n.version, n.contract, n.owner, n.request_id,
       n.reply_to, n.decide_before, n.actor, n.body, n.weight, n.address, n.traceparent
FROM n, installation i
WHERE n.key IS NULL OR n.id IN (SELECT command_id FROM keyed)
ORDER BY n.place
RETURNING id, lane
"""
"""Keys and commands in one statement: the loser of a race for a key puts nothing into the inbox.
Keys are inserted in order, so that two processes with the same keys wait for each other instead of deadlocking, and
each once, as a statement cannot update a row that it has inserted itself. An id that the front door chose makes one
command: one snapshot looks for it in inbox and outcome, as its lane may move it from one to the other meanwhile. Of
two that arrive together, the inbox's primary key lets one in."""
SQL_ACCEPT_AND_WEIGH = SQL_ACCEPT.replace("n.body, n.weight", f"n.body, {SQL_WEIGHT}")
"""The same for commands whose weight depends on the database. It is a statement of its own, as starting that look-up
costs as much as a command."""


def accept_statement(commands: Iterable[NewCommand]) -> str:
    heavy = any(HANDLERS[type(one.command)].also_loaded is not AlsoLoaded.NOTHING for one in commands)
    return SQL_ACCEPT_AND_WEIGH if heavy else SQL_ACCEPT


class _InboxRow(Struct, frozen=True, rename={"class_": "class"}):
    id: UUID
    slot_crc: int | None
    service_key: str | None
    room_id: int | None
    day: date | None
    class_: CommandClass
    type: str
    version: int
    contract: str
    owner: str | None
    request_id: str
    reply_to: str | None
    decide_before: datetime | None
    actor: Actor
    body: Command
    weight: int
    scope: str | None
    key: str | None
    body_hash: str | None
    is_chosen: bool
    address: str | None
    traceparent: str | None


def accept_parameters(commands: Sequence[tuple[NewCommand, IdempotencyKey | None]]) -> list[str]:
    """For `accept_statement`: all rows as one parameter, encoded in C at once."""
    return [json_of([_inbox_row(command, key) for command, key in commands])]


def _inbox_row(c: NewCommand, key: IdempotencyKey | None) -> _InboxRow:
    slot = partition_row(c.partition_key)
    return _InboxRow(
        c.id,
        slot.slot_crc,
        slot.service_key,
        slot.room_id,
        slot.day,
        c.command_class,
        type_of(c.command),
        version_of(c.command, c.actor),
        c.contract,
        c.actor.owner,
        c.request_id,
        c.reply_to,
        c.decide_before,
        c.actor,
        c.command,
        own_weight(c.command),
        key.scope if key else None,
        key.key if key else None,
        key.body_hash.hex() if key else None,
        c.has_chosen_id,
        c.address,
        c.traceparent,
    )


def enqueue(connection: Connection, commands: Sequence[NewCommand]) -> list[tuple[UUID, int]]:
    """Accept commands without idempotency keys, in the caller's transaction; (id, lane) of each."""
    statement, parameters = accept_statement(commands), accept_parameters([(one, None) for one in commands])
    return connection.execute(statement.encode(), parameters).fetchall()


async def enqueue_async(connection: AsyncConnection, commands: Sequence[NewCommand]) -> list[tuple[UUID, int]]:
    """The same on an event loop."""
    statement, parameters = accept_statement(commands), accept_parameters([(one, None) for one in commands])
    return await (await connection.execute(statement.encode(), parameters)).fetchall()


KEY_LEADS_SOMEWHERE = """(
    EXISTS (SELECT FROM inbox i WHERE i.id = k.command_id) OR EXISTS (SELECT FROM outcome o WHERE o.id = k.command_id)
    OR EXISTS (SELECT FROM bulk b WHERE b.id = k.command_id))"""
"""Condition on a key `k`: its command or bulk still exists. Both kinds share one space of keys."""
SQL_KEY_OWNERS = f"""
SELECT k.scope, k.key, k.body_hash, k.command_id, {KEY_LEADS_SOMEWHERE}
FROM idempotency_key k JOIN unnest(%s::text[], %s::text[]) AS w (scope, key) ON k.scope = w.scope AND k.key = w.key
"""
"""With whether the first command still exists."""
SQL_RELEASE_KEY = "DELETE FROM idempotency_key WHERE scope = %s AND key = %s AND command_id = %s"


class KeyOwner(Struct, frozen=True):
    """The command or bulk that took an idempotency key."""

    body_hash: bytes
    command_id: UUID
    exists: bool
    """False when it was deleted: its key is free."""


async def key_owners(connection: AsyncConnection, keys: Sequence[IdempotencyKey]) -> dict[tuple[str, str], KeyOwner]:
    """By scope and key; without those that nobody has."""
    cursor = await connection.execute(SQL_KEY_OWNERS, ([one.scope for one in keys], [one.key for one in keys]))
    return {(scope, key): KeyOwner(*owner) for scope, key, *owner in await cursor.fetchall()}


async def release_key(connection: AsyncConnection, key: IdempotencyKey, owner_id: UUID) -> None:
    """Delete the key of a command or bulk that no longer exists."""
    await connection.execute(SQL_RELEASE_KEY, (key.scope, key.key, owner_id))


SQL_WANTED = """
SELECT owner, contract, body::text FROM inbox WHERE id = %(id)s
UNION ALL
SELECT owner, contract, body::text FROM outcome WHERE id = %(id)s
"""


async def is_accepted(connection: AsyncConnection, new: NewCommand) -> bool | None:
    """Whether the command of this id is from the same request; None if there is none.

    Only an id that the front door chose can be another's: one that we made ourselves is unique.
    """
    row = await (await connection.execute(SQL_WANTED, {"id": new.id})).fetchone()
    if row is None:
        return None
    owner, contract, body = row
    if not new.has_chosen_id:
        return True
    return (owner, contract, decode_command(body)) == (new.actor.owner, new.contract, new.command)
