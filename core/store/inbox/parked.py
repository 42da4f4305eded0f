"""Parked commands: noted when a lane gives one up, and sent again or dropped when an operator says so.

A replay is a new command with the body, sender and partition key of the old one, in the inbox of the same lane. The
old outcome stays; `command_replay` links the two. Each parked command is replayed once: the new one has its own fate.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import psycopg
from msgspec import Struct

from core.domain.commands import CommandClass
from core.store.audit import ENGINE_AUTHOR, AuditEntry, Author, record
from core.store.connections.database import Connection

SQL_NOTE = """
INSERT INTO parked_command (id, slot_crc, class, version, weight, why)
SELECT id, slot_crc, class, version, weight, %s FROM inbox WHERE id = ANY(%s::uuid[]) ON CONFLICT DO NOTHING
"""
_SHOWN = """p.id, o.type, o.contract, o.owner, o.accepted_at, p.parked_at, p.why, p.dropped_at, r.replayed_as,
       o.body::text = '{}' AND o.about IS NULL"""
_FROM = "parked_command p JOIN outcome o ON o.id = p.id LEFT JOIN command_replay r ON r.command_id = p.id"
SQL_LIST = f"""
SELECT {_SHOWN} FROM {_FROM}
WHERE (%(all)s OR p.dropped_at IS NULL AND r.replayed_as IS NULL)
  AND (%(type)s::text IS NULL OR o.type = %(type)s) AND (%(contract)s::text IS NULL OR o.contract = %(contract)s)
  AND (%(since)s::timestamptz IS NULL OR p.parked_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR p.parked_at < %(until)s)
ORDER BY p.parked_at, p.id LIMIT %(limit)s
"""
SQL_LOCK = f"SELECT {_SHOWN} FROM {_FROM} WHERE p.id = %s FOR UPDATE OF p"
"""Of two operators at once the second waits, and then finds what the first did."""
SQL_LOOK = f"SELECT {_SHOWN} FROM {_FROM} WHERE p.id = %s"
SQL_STATUS = """
SELECT 'accepted' FROM inbox WHERE id = %(id)s UNION ALL SELECT status FROM outcome WHERE id = %(id)s
"""
SQL_LINK = "INSERT INTO command_replay (command_id, replayed_as) VALUES (%s, %s)"
SQL_ENQUEUE = f"""
INSERT INTO inbox (id, lane, slot_crc, class, type, version, contract, owner, request_id, actor, body, weight)
SELECT %(new)s, mod(p.slot_crc, i.lanes), p.slot_crc,
       CASE WHEN p.class = {CommandClass.DEFERRED.value} THEN {CommandClass.INTERACTIVE.value} ELSE p.class END,
       o.type, p.version, o.contract, o.owner, %(request_id)s, o.actor, o.body, p.weight
FROM parked_command p JOIN outcome o ON o.id = p.id, installation i WHERE p.id = %(old)s
"""
"""Without a deadline, as nobody waits: its first request was answered long ago. It is no longer a row of a bulk."""
SQL_DROP = "UPDATE parked_command SET dropped_at = clock_timestamp() WHERE id = %s"


class ParkedCommand(Struct, frozen=True):
    """A command that was given up on."""

    id: UUID
    type: str
    contract: str
    owner: str | None
    accepted_at: datetime
    parked_at: datetime
    why: str
    dropped_at: datetime | None
    replayed_as: UUID | None
    is_anonymised: bool
    """The person that it was about has left, and it is empty."""

    @property
    def refusal(self) -> str | None:
        """Why it can be neither replayed nor dropped; None if it can."""
        if self.replayed_as is not None:
            return f"The command {self.id} was replayed already as {self.replayed_as}: look at that one"
        if self.dropped_at is not None:
            return f"The command {self.id} was dropped at {self.dropped_at:%Y-%m-%d %H:%M} UTC"
        return None


class NotParkedError(Exception):
    """The message says what became of the command instead."""


class ParkedFilter(Struct, frozen=True):
    """What a list asks for. `everything`: also what was replayed or dropped."""

    type: str | None = None
    contract: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    everything: bool = False


def why_of(problem: BaseException) -> str:
    """An error's type only: its message may repeat what somebody sent."""
    kind = type(problem).__name__
    if not isinstance(problem, psycopg.Error) or problem.sqlstate is None:
        return kind
    constraint = f" of {problem.diag.constraint_name}" if problem.diag.constraint_name else ""
    return f"{kind} ({problem.sqlstate}){constraint}"


def note_parked(connection: Connection, ids: Sequence[UUID], why: str) -> None:
    """Call before they leave the inbox, in the same transaction."""
    connection.execute(SQL_NOTE.encode(), (why, list(ids)))
    for id_ in ids:
        before, after = {"status": "accepted"}, {"status": "failed", "why": why}
        record(connection, AuditEntry(ENGINE_AUTHOR, "command.parked", f"command:{id_}", before, after, command_id=id_))


def parked_commands(connection: Connection, wanted: ParkedFilter, limit: int) -> list[ParkedCommand]:
    """Oldest first, the order in which they are replayed."""
    values = {
        "all": wanted.everything,
        "type": wanted.type,
        "contract": wanted.contract,
        "since": wanted.since,
        "until": wanted.until,
        "limit": limit,
    }
    return [ParkedCommand(*row) for row in connection.execute(SQL_LIST.encode(), values).fetchall()]


def parked_command(connection: Connection, id_: UUID) -> ParkedCommand:
    """Raises NotParkedError."""
    return _found(connection, SQL_LOOK, id_)


def replay(connection: Connection, id_: UUID, by: Author) -> UUID:
    """Send a parked command again; the new command's id. Raises NotParkedError."""
    with connection.transaction():
        parked = _free(connection, id_)
        if parked.is_anonymised:
            raise NotParkedError(f"The command {id_} is empty: the person whom it was about has left. Drop it")
        new = uuid4()
        connection.execute(SQL_LINK, (id_, new))
        values = {"new": new, "old": id_, "request_id": f"replay-{id_.hex[:12]}"}
        connection.execute(SQL_ENQUEUE.encode(), values)
        _record(connection, by, "command.replayed", id_, {"replayed_as": str(new), "type": parked.type})
    return new


def drop(connection: Connection, id_: UUID, by: Author) -> None:
    """Nothing is to be done about it: it is not listed any more. Its outcome stays. Raises NotParkedError."""
    with connection.transaction():
        parked = _free(connection, id_)
        connection.execute(SQL_DROP, (id_,))
        _record(connection, by, "command.dropped", id_, {"type": parked.type})


def _free(connection: Connection, id_: UUID) -> ParkedCommand:
    """Locked, and neither replayed nor dropped."""
    parked = _found(connection, SQL_LOCK, id_)
    if parked.refusal is not None:
        raise NotParkedError(parked.refusal)
    return parked


def _found(connection: Connection, statement: str, id_: UUID) -> ParkedCommand:
    row = connection.execute(statement.encode(), (id_,)).fetchone()
    if row is not None:
        return ParkedCommand(*row)
    other = connection.execute(SQL_STATUS, {"id": id_}).fetchone()
    match other and other[0]:
        case None:
            words = "is not known: it never was, or its outcome is no longer kept"
        case "accepted":
            words = "is not decided yet: wait for its lane, or withdraw it"
        case "failed":
            words = "was parked by a release that did not note its lane: send its request again"
        case status:
            words = f"was decided ({status}): only a parked command can be replayed or dropped"
    raise NotParkedError(f"The command {id_} {words}")


def _record(connection: Connection, by: Author, action: str, id_: UUID, after: dict[str, str]) -> None:
    record(connection, AuditEntry(by, action, f"command:{id_}", {"status": "failed"}, after, command_id=id_))
