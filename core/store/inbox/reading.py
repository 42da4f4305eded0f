"""Commands as a lane reads them."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from core.domain.commands import Actor, ActorKind, Command, CommandClass, Envelope, Header, name_of
from core.domain.versions import SCHEMA_VERSION
from core.store.connections.database import Connection

decode_command = msgspec.json.Decoder(Command).decode
_decode_actor = msgspec.json.Decoder(Actor).decode


class _Ids(Struct):
    user_id: int | None = None
    key_id: int | None = None


_decode_ids = msgspec.json.Decoder(_Ids).decode
KNOWN_TYPES = tuple(sorted(name_of(kind) for kind in Command.__args__))
READABLE = f"(version <= {SCHEMA_VERSION} AND class <= {max(CommandClass).value} AND type IN ({', '.join(map(repr, KNOWN_TYPES))}))"
"""Condition on `inbox`: this code knows the type, version and class. Other commands wait for a newer worker."""
NOT_PUT_OFF = "(put_off_until IS NULL OR put_off_until <= clock_timestamp())"
"""Condition on `inbox`: the command is not put off at the moment."""
WAITING_COLUMNS = "lane, seq, id, contract, request_id, accepted_at, decide_before, reply_to, class, attempts, actor::text, body::text, bulk_id, weight, put_offs, address, traceparent"
LANES_LOCKED = "current_setting('holdfast.lanes')::integer[]"
"""The lanes that this transaction has locked (`core.store.inbox.lane_batches`)."""
SQL_READ_LANES = f"""
SELECT w.* FROM unnest({LANES_LOCKED}) AS l (lane) CROSS JOIN LATERAL (
    (SELECT {WAITING_COLUMNS} FROM inbox i
     WHERE i.lane = l.lane AND class = 0 AND {READABLE} AND {NOT_PUT_OFF} ORDER BY seq LIMIT %(limit)s)
    UNION ALL
    (SELECT {WAITING_COLUMNS} FROM inbox i
     WHERE i.lane = l.lane AND class = 1 AND {READABLE} AND {NOT_PUT_OFF} ORDER BY seq LIMIT %(limit)s)
    UNION ALL
    (SELECT {WAITING_COLUMNS} FROM (
        SELECT i.*, sum(weight) OVER (ORDER BY seq) - weight AS before FROM (
            SELECT * FROM inbox i
            WHERE i.lane = l.lane AND class = 2 AND {READABLE} AND {NOT_PUT_OFF} ORDER BY seq LIMIT %(bulk)s
        ) i
     ) i WHERE before < %(bulk)s ORDER BY seq)
) w
"""
"""Undecided commands of some lanes, by class, then in the order of the inbox. Not "after the last seq": ids become
visible out of commit order. Of bulk, no more is read than a batch can hold."""
SQL_READ_LAST = f"""
SELECT {WAITING_COLUMNS} FROM inbox WHERE lane = %s AND class IN (0, 1, 2) AND {READABLE} AND {NOT_PUT_OFF} ORDER BY seq DESC LIMIT 1
"""
SQL_FOLLOWERS = f"SELECT awaits, {READABLE}, {WAITING_COLUMNS} FROM inbox WHERE awaits = ANY(%s::uuid[]) ORDER BY seq"
SQL_WAITING_LANES = f"""
SELECT DISTINCT lane FROM inbox
WHERE accepted_at < clock_timestamp() - interval '200 milliseconds' AND awaits IS NULL AND {READABLE} AND {NOT_PUT_OFF} ORDER BY lane
"""
"""Younger commands are probably being decided right now."""
SQL_CANARY_WAITS = f"SELECT EXISTS (SELECT FROM inbox WHERE type = 'canary' AND {READABLE})"

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
    """A command whose body is not decoded."""

    lane: int
    header: Header
    body: str


def undecoded(row: tuple[Any, ...]) -> Undecoded:
    (
        _,
        seq,
        id_,
        contract,
        request_id,
        accepted_at,
        decide_before,
        reply_to,
        _,
        _,
        actor,
        body,
        bulk_id,
        _,
        _,
        address,
        traceparent,
    ) = row
    actor_ = _actor_of(actor)
    header = Header(
        id_, seq, contract, actor_, request_id, accepted_at, decide_before, reply_to, bulk_id, address, traceparent
    )
    return Undecoded(row[0], header, body)


def waiting(row: tuple[Any, ...]) -> Waiting | Undecoded:
    """Decode one row. A malformed row does not affect the others."""
    lane, seq, id_, contract, request_id, accepted_at, decide_before, reply_to, class_, attempts, *rest = row
    actor, body, bulk_id, weight, put_offs, address, traceparent = rest
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
            command=decode_command(body),
            bulk_id=bulk_id,
            address=address,
            traceparent=traceparent,
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


def waiting_lanes(connection: Connection) -> list[int]:
    """Lanes with commands that wait for longer than usual: their bell may have been lost."""
    return [row[0] for row in connection.execute(SQL_WAITING_LANES.encode()).fetchall()]


def canary_waits(connection: Connection) -> bool:
    row = connection.execute(SQL_CANARY_WAITS.encode()).fetchone()
    return bool(row and row[0])
