"""Commands as operators list them: those that wait, and those that are decided."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from core.store.connections.database import Connection

_CHOSEN = """(%(type)s::text IS NULL OR c.type = %(type)s) AND (%(contract)s::text IS NULL OR c.contract = %(contract)s)
  AND (%(owner)s::text IS NULL OR c.owner = %(owner)s)"""
SQL_WAITING = f"""
SELECT c.id, c.type, c.contract, c.owner, c.request_id, 'accepted', c.accepted_at, NULL::timestamptz, c.lane, c.attempts, c.put_offs
FROM inbox c WHERE {_CHOSEN} AND c.type <> 'canary' ORDER BY c.seq LIMIT %(limit)s
"""
SQL_DECIDED = f"""
SELECT c.id, c.type, c.contract, c.owner, c.request_id, c.status, c.accepted_at, c.decided_at, NULL::integer, NULL::integer,
       NULL::integer
FROM outcome c
WHERE c.decided_at >= %(since)s AND c.decided_at < %(until)s AND c.status = %(status)s AND {_CHOSEN} AND c.type <> 'canary'
ORDER BY c.decided_at DESC LIMIT %(limit)s
"""
"""The time range names the partitions that are read."""
SQL_ONE = """
SELECT json_build_object('id', id, 'type', type, 'contract', contract, 'owner', owner, 'request_id', request_id,
    'actor', actor, 'body', body, 'status', 'accepted', 'accepted_at', accepted_at, 'lane', lane, 'class', class,
    'attempts', attempts, 'put_offs', put_offs, 'put_off_until', put_off_until, 'decide_before', decide_before,
    'awaits', awaits, 'done', done, 'total', total,
    'replay_of', (SELECT command_id FROM command_replay WHERE replayed_as = %(id)s))::text
FROM inbox WHERE id = %(id)s
UNION ALL
SELECT json_build_object('id', o.id, 'type', o.type, 'contract', o.contract, 'owner', o.owner, 'request_id', o.request_id,
    'actor', o.actor, 'body', o.body, 'status', o.status, 'accepted_at', o.accepted_at, 'decided_at', o.decided_at,
    'http_status', o.http_status, 'response', o.response, 'parked_at', p.parked_at, 'why', p.why,
    'dropped_at', p.dropped_at, 'replayed_as', (SELECT replayed_as FROM command_replay WHERE command_id = %(id)s),
    'replay_of', (SELECT command_id FROM command_replay WHERE replayed_as = %(id)s))::text
FROM outcome o LEFT JOIN parked_command p ON p.id = o.id WHERE o.id = %(id)s
"""


class CommandsWanted(Struct, frozen=True):
    """What a list asks for. `status` accepted is what waits; other statuses need a time range."""

    status: str
    since: datetime
    until: datetime
    type: str | None = None
    contract: str | None = None
    owner: str | None = None


class ListedCommand(Struct, frozen=True):
    id: UUID
    type: str
    contract: str
    owner: str | None
    request_id: str
    status: str
    accepted_at: datetime
    decided_at: datetime | None
    lane: int | None
    attempts: int | None
    put_offs: int | None


def commands(connection: Connection, wanted: CommandsWanted, limit: int) -> list[ListedCommand]:
    """What waits in the order of the inbox; what is decided with the newest first."""
    values = {name: getattr(wanted, name) for name in wanted.__struct_fields__} | {"limit": limit}
    statement = SQL_WAITING if wanted.status == "accepted" else SQL_DECIDED
    return [ListedCommand(*row) for row in connection.execute(statement.encode(), values).fetchall()]


def everything_about(connection: Connection, id_: UUID) -> str | None:
    """A command with its body and answer, as JSON."""
    row = connection.execute(SQL_ONE, {"id": id_}).fetchone()
    return None if row is None else str(row[0])
