"""Commands that stay in the inbox after a visit: charged, put off, cut in two, deferred, or done in part."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from uuid import UUID, uuid4

from core.domain.commands import Command, CommandClass
from core.domain.steps import STEP_BOOKINGS
from core.domain.versions import STEPPED_VERSION
from core.store.connections.database import Connection
from core.store.inbox.reading import Waiting
from core.store.sql.lost_races import require_all
from core.store.sql.parameters import json_of

SQL_CHARGE = "UPDATE inbox SET attempts = attempts + 1 WHERE id = %s"

PUT_OFF_FIRST_S, PUT_OFF_LONGEST_S = 0.5, 30
SQL_PUT_OFF = f"""
UPDATE inbox SET put_offs = least(put_offs + 1, 100), put_off_until = clock_timestamp()
    + make_interval(secs => least({PUT_OFF_FIRST_S} * 2 ^ least(put_offs, 10), {PUT_OFF_LONGEST_S}))
WHERE id = ANY(%s::uuid[])
"""

SQL_SPLIT = """
WITH first AS (
    UPDATE inbox SET body = %(first)s::json, weight = %(weight)s, attempts = 0 WHERE id = %(id)s
    RETURNING lane, slot_crc, class, type, version, contract, request_id, actor, weight
)
INSERT INTO inbox (id, lane, slot_crc, class, type, version, contract, request_id, actor, weight, body)
SELECT %(other)s, first.*, %(second)s::json FROM first
"""

SQL_PUT_BACK = f"UPDATE inbox SET class = {CommandClass.INTERACTIVE.value}, awaits = NULL WHERE id = ANY(%s::uuid[])"
"""Puts deferred commands that this code cannot decode back into their lane, for a newer worker or to be parked."""

SQL_DEFER = require_all(f"""
UPDATE inbox SET class = {CommandClass.DEFERRED.value}, awaits = d.awaits
FROM unnest(%s::uuid[], %s::uuid[]) AS d (id, awaits) WHERE inbox.id = d.id AND inbox.id = ANY(%s::uuid[]) RETURNING d.id
""")
"""For a command that is decided but for its answer: no lane reads it any more, and it is still followed as accepted."""

SQL_STEP = require_all(f"""
UPDATE inbox SET class = {CommandClass.BULK.value}, version = greatest(version, {STEPPED_VERSION}), attempts = 0, done = s.done,
       total = s.total, weight = {STEP_BOOKINGS}
FROM json_to_recordset(%s::json) AS s (id uuid, done integer, total integer) WHERE inbox.id = s.id RETURNING s.id
""")
"""Records a step: from now on the command is bulk, and only workers that know steps read it."""
SQL_BEGUN = "SELECT id, done, total FROM inbox WHERE id = ANY(%s::uuid[]) AND total IS NOT NULL"


def charge_attempt(connection: Connection, id_: UUID) -> None:
    connection.execute(SQL_CHARGE, (id_,))


def put_off(connection: Connection, ids: Sequence[UUID]) -> None:
    """Hide commands that the database refuses while it decides others, for a pause that doubles each time."""
    connection.execute(SQL_PUT_OFF.encode(), (list(ids),))


def split(connection: Connection, one: Waiting, first: Command, second: Command) -> None:
    """Cut a command of the engine in two: the first keeps its id."""
    values = {
        "id": one.envelope.id,
        "other": uuid4(),
        "first": json_of(first),
        "second": json_of(second),
        "weight": max(1, ceil(one.weight / 2)),
    }
    connection.execute(SQL_SPLIT, values)
