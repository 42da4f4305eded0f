"""Commands on disk: written before they are acknowledged, read by lane, looked up by id."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from math import ceil
from typing import Any, Literal
from uuid import UUID, uuid4

import msgspec
from msgspec import Struct

from core.domain.commands import Actor, ActorKind, Command, CommandClass, Envelope, Header
from core.domain.names import folded
from core.domain.steps import STEP_BOOKINGS
from core.domain.versions import SCHEMA_VERSION, STEPPED_VERSION, version_of
from core.domain.weights import ALSO_LOADED, AlsoLoaded, own_weight
from core.store.sql.lost_races import require_all, require_count
from core.store.weights import SQL_WEIGHT

_encode = msgspec.json.Encoder().encode
_decode_command = msgspec.json.Decoder(Command).decode
_decode_actor = msgspec.json.Decoder(Actor).decode


class _Ids(Struct):
    user_id: int | None = None
    key_id: int | None = None


_decode_ids = msgspec.json.Decoder(_Ids).decode


class ServicePartition(Struct, frozen=True):
    """The slot key of a day at the resource of a service name: its own, or the desk."""

    service_name: str
    day: date


class RoomPartition(Struct, frozen=True):
    """The slot key of a room's day. An unknown room leads to the desk, and is refused by the lane."""

    room_id: int
    day: date


PartitionKey = str | ServicePartition | RoomPartition
"""Given, or looked up by the statement that writes the command, so that it is never out of date."""


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
    """Chosen by the front door. The same request may come twice with the same id."""


def partition_key(resource_id: int, day: date) -> str:
    return f"{resource_id}:{day.isoformat()}"


class PartitionRow(Struct, frozen=True):
    """A slot key as a statement gets it: `slot_crc`, or what `SQL_PARTITION_CRC` computes it from."""

    slot_crc: int | None = None
    service_key: str | None = None
    room_id: int | None = None
    day: date | None = None


def partition_row(key: PartitionKey) -> PartitionRow:
    match key:
        case ServicePartition(service_name, day):
            return PartitionRow(service_key=folded(service_name), day=day)
        case RoomPartition(room_id, day):
            return PartitionRow(room_id=room_id, day=day)
        case _:
            return PartitionRow(slot_crc=zlib.crc32(key.encode()))


PARTITION_COLUMNS = "slot_crc bigint, service_key text, room_id bigint, day text"
SQL_PARTITION_CRC = """coalesce(n.slot_crc, crc32(convert_to(concat(coalesce(
    (SELECT resource_id FROM service WHERE name_folded = n.service_key AND is_named AND is_active ORDER BY id LIMIT 1),
    (SELECT resource_id FROM room WHERE id = n.room_id),
    (SELECT id FROM resource WHERE kind = 'desk')), ':', n.day), 'UTF8')))"""
"""The CRC of a slot key, as `partition_key` and `zlib.crc32` compute it in Python, from a row `n` with `PARTITION_COLUMNS`."""


def type_of(command: Command) -> str:
    """The stable name of a command on the wire, e.g. `place`."""
    return name_of(type(command))


def name_of(kind: type[Command]) -> str:
    return str(kind.__struct_config__.tag)


KNOWN_TYPES = tuple(sorted(name_of(kind) for kind in Command.__args__))
READABLE = f"(version <= {SCHEMA_VERSION} AND class <= {max(CommandClass).value} AND type IN ({', '.join(map(repr, KNOWN_TYPES))}))"
"""Condition on `inbox`: this code knows the type, version and class. Other commands wait for a newer worker."""

NOT_PUT_OFF = "(put_off_until IS NULL OR put_off_until <= clock_timestamp())"
"""Condition on `inbox`: the command is not put off at the moment."""

_WAITING = "lane, seq, id, contract, request_id, accepted_at, decide_before, reply_to, class, attempts, actor::text, body::text, bulk_id, weight, put_offs"
LANES_LOCKED = "current_setting('holdfast.lanes')::integer[]"
"""The lanes that this transaction has locked (`core.store.lanes`)."""
SQL_READ_LANES = f"""
SELECT w.* FROM unnest({LANES_LOCKED}) AS l (lane) CROSS JOIN LATERAL (
    (SELECT {_WAITING} FROM inbox i
     WHERE i.lane = l.lane AND class = 0 AND {READABLE} AND {NOT_PUT_OFF} ORDER BY seq LIMIT %(limit)s)
    UNION ALL
    (SELECT {_WAITING} FROM inbox i
     WHERE i.lane = l.lane AND class = 1 AND {READABLE} AND {NOT_PUT_OFF} ORDER BY seq LIMIT %(limit)s)
    UNION ALL
    (SELECT {_WAITING} FROM (
        SELECT i.*, sum(weight) OVER (ORDER BY seq) - weight AS before FROM (
            SELECT * FROM inbox i
            WHERE i.lane = l.lane AND class = 2 AND {READABLE} AND {NOT_PUT_OFF} ORDER BY seq LIMIT %(bulk)s
        ) i
     ) i WHERE before < %(bulk)s ORDER BY seq)
) w
"""
"""Undecided commands of some lanes, by class, then inbox order. "Undecided", never "after the last
seq": ids become visible out of commit order. Of heavy commands no more is read than a batch can hold."""

SQL_READ_LAST = f"""
SELECT {_WAITING} FROM inbox WHERE lane = %s AND class IN (0, 1, 2) AND {READABLE} AND {NOT_PUT_OFF} ORDER BY seq DESC LIMIT 1
"""


NOT_DECODED = (msgspec.MsgspecError, RecursionError)


class Waiting(Struct, frozen=True):
    """An undecided command as a lane read it."""

    lane: int
    envelope: Envelope
    command_class: CommandClass
    attempts: int
    weight: int
    """How many bookings it may make."""
    put_offs: int = 0
    """How often it was put off because the database refused it and decided others."""


class Undecoded(Struct, frozen=True):
    """A command of the inbox that is not decoded."""

    lane: int
    header: Header
    body: str


def undecoded(row: tuple[Any, ...]) -> Undecoded:
    _, seq, id_, contract, request_id, accepted_at, decide_before, reply_to, _, _, actor, body, bulk_id, *_ = row
    header = Header(id_, seq, contract, _actor_of(actor), request_id, accepted_at, decide_before, reply_to, bulk_id)
    return Undecoded(row[0], header, body)


def waiting(row: tuple[Any, ...]) -> Waiting | Undecoded:
    """Decodes one row, so that a malformed one does not affect the others."""
    lane, seq, id_, contract, request_id, accepted_at, decide_before, reply_to, class_, attempts, *rest = row
    actor, body, bulk_id, weight, put_offs = rest
    try:
        envelope = Envelope(
            id=id_,
            seq=seq,
            contract=contract,
            actor=_decode_actor(actor),
            request_id=request_id,
            accepted_at=accepted_at,
            decide_before=decide_before,
            reply_to=reply_to,
            command=_decode_command(body),
            bulk_id=bulk_id,
        )
    except NOT_DECODED:
        return undecoded(row)
    return Waiting(lane, envelope, CommandClass(class_), attempts, weight, put_offs)


def _actor_of(text: str) -> Actor:
    """The actor, as far as it can be decoded."""
    try:
        return _decode_actor(text)
    except NOT_DECODED:
        pass
    try:
        ids = _decode_ids(text)
    except NOT_DECODED:
        ids = _Ids()
    return Actor(ActorKind.ANONYMOUS, ids.user_id, ids.key_id)


SQL_PUT_BACK = f"UPDATE inbox SET class = {CommandClass.INTERACTIVE.value}, awaits = NULL WHERE id = ANY(%s::uuid[])"
"""Puts deferred commands that this code cannot decode back into their lane, for a newer worker or to be parked."""
PUT_OFF_FIRST_S, PUT_OFF_LONGEST_S = 0.5, 30
SQL_PUT_OFF = f"""
UPDATE inbox SET put_offs = least(put_offs + 1, 100), put_off_until = clock_timestamp()
    + make_interval(secs => least({PUT_OFF_FIRST_S} * 2 ^ least(put_offs, 10), {PUT_OFF_LONGEST_S}))
WHERE id = ANY(%s::uuid[])
"""
"""Hides commands that the database refuses while it decides others, for a pause that doubles each time."""

SQL_SPLIT = """
WITH first AS (
    UPDATE inbox SET body = %(first)s::json, weight = %(weight)s, attempts = 0 WHERE id = %(id)s
    RETURNING lane, slot_crc, class, type, version, contract, request_id, actor, weight
)
INSERT INTO inbox (id, lane, slot_crc, class, type, version, contract, request_id, actor, weight, body)
SELECT %(other)s, first.*, %(second)s::json FROM first
"""
"""Cuts a command of the engine in two: the first keeps its id."""


def split_parameters(one: Waiting, first: Command, second: Command) -> dict[str, Any]:
    return {
        "id": one.envelope.id,
        "other": uuid4(),
        "first": _encode(first).decode(),
        "second": _encode(second).decode(),
        "weight": max(1, ceil(one.weight / 2)),
    }


SQL_FOLLOWERS = f"SELECT awaits, {READABLE}, {_WAITING} FROM inbox WHERE awaits = ANY(%s::uuid[]) ORDER BY seq"
SQL_DEFER = require_all(f"""
UPDATE inbox SET class = {CommandClass.DEFERRED.value}, awaits = d.awaits
FROM unnest(%s::uuid[], %s::uuid[]) AS d (id, awaits) WHERE inbox.id = d.id AND inbox.id = ANY(%s::uuid[]) RETURNING d.id
""")
"""Decided but for the answer: out of the lanes' sight, and still followed as accepted."""


SQL_STEP = require_all(f"""
UPDATE inbox SET class = {CommandClass.BULK.value}, version = greatest(version, {STEPPED_VERSION}), attempts = 0, done = s.done,
       total = s.total, weight = {STEP_BOOKINGS}
FROM json_to_recordset(%s::json) AS s (id uuid, done integer, total integer) WHERE inbox.id = s.id RETURNING s.id
""")
"""Records a step: from now on the command is bulk, and only workers that know steps read it."""
SQL_BEGUN = "SELECT id, done, total FROM inbox WHERE id = ANY(%s::uuid[]) AND total IS NOT NULL"


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
"""Decided: out of the inbox, into the outcomes. It moves fewer rows than asked if somebody else
decided or withdrew one."""
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
"""All of them, or the race is lost and the batch is decided again. Each row is looked up by its id, whatever the
statistics say: taken while the inbox is empty, as it mostly is, they would have it scanned from end to end for each
batch, and the plan stays when ten thousand rows of a bulk wait there."""


CommandWord = Literal["accepted", "succeeded", "rejected", "failed"]


class Outcome(Struct, frozen=True):
    """A command's one final answer."""

    status: CommandWord
    """succeeded, rejected or failed."""
    http_status: int
    body: bytes
    """JSON."""


DEFERRED = Outcome("accepted", 202, b"{}")
"""Of a command whose answer comes later: it stays in the inbox, and nobody is told yet."""


class _OutcomeRow(Struct, frozen=True):
    id: UUID
    status: str
    http_status: int
    response: msgspec.Raw
    about: Sequence[str]


def move_parameters(outcomes: Sequence[tuple[UUID, Outcome, Sequence[str]]], now: datetime) -> list[Any]:
    """For `SQL_MOVE`, with whose data each command holds (`core.store.data_subjects`).

    The response is kept byte for byte as the waiting client gets it.
    """
    rows = [_OutcomeRow(id_, o.status, o.http_status, msgspec.Raw(o.body), about) for id_, o, about in outcomes]
    return [_encode(rows).decode(), now]


SQL_LOOK_UP = """
SELECT id, type, owner, accepted_at, NULL::timestamptz, 'accepted', NULL::smallint, NULL::text, done, total
FROM inbox WHERE id = %(id)s
UNION ALL
SELECT id, type, owner, accepted_at, decided_at, status, http_status, response::text, NULL, NULL
FROM outcome WHERE id = %(id)s
"""
"""One snapshot over both tables: a command that is being decided is found in one of them."""

SQL_WANTED = """
SELECT owner, contract, body::text FROM inbox WHERE id = %(id)s
UNION ALL
SELECT owner, contract, body::text FROM outcome WHERE id = %(id)s
"""


def is_same(new: NewCommand, row: tuple[Any, ...]) -> bool:
    """Whether a row of `SQL_WANTED` is from the same request. An id that we made ourselves is always unique."""
    owner, contract, body = row
    if not new.has_chosen_id:
        return True
    return (owner, contract, _decode_command(body)) == (new.actor.owner, new.contract, new.command)


SQL_OUTCOMES = """
SELECT id, status, http_status, response::text, accepted_at, decided_at FROM outcome WHERE id = ANY(%s::uuid[])
"""


class CommandRecord(Struct, frozen=True):
    """What can be known of a command by its id."""

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


class IdempotencyKey(Struct, frozen=True):
    """The client's name for one intent, within the scope of who sent it."""

    scope: str
    key: str
    body_hash: bytes


IDEMPOTENCY_HOURS = 48
KEY_EXPIRED = f"idempotency_key.created_at < clock_timestamp() - interval '{IDEMPOTENCY_HOURS} hours'"
"""A key expires by its age, whether or not its row is deleted yet."""
TAKE_EXPIRED = f"""
    ON CONFLICT (scope, key) DO UPDATE
    SET body_hash = excluded.body_hash, command_id = excluded.command_id, created_at = excluded.created_at
    WHERE {KEY_EXPIRED}
"""
SQL_ACCEPT = f"""
WITH n AS (
    SELECT n.*, {SQL_PARTITION_CRC} AS crc
    FROM ROWS FROM (json_to_recordset(%s::json) AS (
        id uuid, {PARTITION_COLUMNS}, class smallint, type text, version smallint, contract text, owner text,
        request_id text, reply_to text, decide_before timestamptz, actor json, body json, weight smallint, scope text,
        key text, body_hash text, is_chosen boolean)) WITH ORDINALITY
        AS n (id, slot_crc, service_key, room_id, day, class, type, version, contract, owner, request_id, reply_to,
              decide_before, actor, body, weight, scope, key, body_hash, is_chosen, place)
    WHERE NOT (n.is_chosen AND EXISTS (SELECT FROM outcome o WHERE o.id = n.id))
), keyed AS (
    INSERT INTO idempotency_key (scope, key, body_hash, command_id)
    SELECT DISTINCT ON (scope, key) scope, key, decode(body_hash, 'hex'), id
    FROM n WHERE key IS NOT NULL ORDER BY scope, key, place
    {TAKE_EXPIRED}
    RETURNING command_id
)
INSERT INTO inbox (id, lane, slot_crc, class, type, version, contract, owner, request_id, reply_to, decide_before,
                   actor, body, weight)
SELECT n.id, mod(n.crc, i.lanes), n.crc, n.class, n.type, n.version, n.contract, n.owner, n.request_id,
       n.reply_to, n.decide_before, n.actor, n.body, n.weight
FROM n, installation i
WHERE n.key IS NULL OR n.id IN (SELECT command_id FROM keyed)
ORDER BY n.place
RETURNING id, lane
"""
"""Keys and commands in one statement: the loser of a race for a key puts nothing into the inbox.
Keys are inserted sorted, so that two processes with the same keys wait for each other instead of deadlocking, and
each once, as a statement cannot take over a row that it has inserted itself. An id that the front door chose makes
one command: the inbox's primary key allows it once, and it is not written again after it is decided."""


SQL_ACCEPT_AND_WEIGH = SQL_ACCEPT.replace("n.body, n.weight", f"n.body, {SQL_WEIGHT}")
"""The same for commands whose weight depends on the database. A separate statement, because merely starting that
look-up costs as much as a command."""


def accept_statement(commands: Iterable[NewCommand]) -> str:
    heavy = any(ALSO_LOADED[type(one.command)] is not AlsoLoaded.NOTHING for one in commands)
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


def accept_parameters(commands: Sequence[tuple[NewCommand, IdempotencyKey | None]]) -> list[str]:
    """For `accept_statement`: all rows as one parameter, encoded in C at once."""
    return [_encode([_inbox_row(command, key) for command, key in commands]).decode()]


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
    )


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
"""Deletes the key of a command that no longer exists."""

SQL_WITHDRAWABLE = f"SELECT {_WAITING} FROM inbox WHERE id = %s AND awaits IS NULL AND total IS NULL"
"""Not a deferred command, which is decided and whose intent exists or is being made; nor one that is partly done."""
SQL_STILL_WITHDRAWABLE = f"{SQL_WITHDRAWABLE} FOR UPDATE"
"""Asked with the lane locked. The number of lanes may have changed in between: then whoever has the row is waited for."""
SQL_LOCK_LANE_PATIENTLY = "SELECT pg_advisory_xact_lock(%s, %s)"
"""A withdrawal waits for the batch under way, so that it never takes a row out of a lane's hands."""
