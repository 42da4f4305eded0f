"""Empties what is left of a deleted account: the sweep does it in steps, until nothing is left.

The request that deletes an account ends its logins, empties the account itself and inserts a row into `erasure`.
Each step is one short transaction of at most `STEP_ROWS` rows that also writes down its progress, so a step that is
killed loses nothing, and a person with a million bookings holds up nobody. The last step deletes the row.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from core.domain.commands import Actor, Cancel, CommandClass
from core.identity.personal_data.inventory import COMMANDS, REASON, STEPPED, Fate, Field, Rows
from core.store.connections.database import Connection
from core.store.inbox.acceptance import engine_command, enqueue
from core.store.inbox.partition_keys import partition_key

log = structlog.get_logger()

STEP_ROWS = 500
CANCEL_ROWS = 200
"""Bookings to come that one step has cancelled."""
CALM_WITHIN = "1 hour"
"""How long transactions older than the deletion are waited for: then a process hangs, or PostgreSQL forgot one."""

_CALM = f"""(e.asked_in < pg_snapshot_xmin(pg_current_snapshot())
        OR e.asked_at < clock_timestamp() - interval '{CALM_WITHIN}')"""
"""A lane that read the account before it was emptied has committed by now, with any bookings for it."""
_SETTLED = f"({_CALM} AND NOT EXISTS (SELECT FROM inbox i WHERE i.accepted_at <= e.asked_at))"
"""All commands that were under way at the deletion are decided, so nothing new will name the person."""
_CANCELLED = "NOT EXISTS (SELECT FROM inbox i WHERE i.request_id = e.request_id)"
"""All cancellations of the erasure itself are decided, and have given their credits back."""
SQL_NEXT = f"""
SELECT e.user_id, e.names, e.phones, e.until, e.actor::text, e.request_id, e.step, e.after FROM erasure e
WHERE CASE e.step WHEN 'cancel' THEN {_CALM} WHEN 'settle' THEN {_SETTLED}
                  WHEN 'cancel again' THEN {_CANCELLED} ELSE true END
ORDER BY e.asked_at, e.user_id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
SQL_AT = "UPDATE erasure SET step = %(step)s, after = %(after)s WHERE user_id = %(id)s"
SQL_DONE = "DELETE FROM erasure WHERE user_id = %(id)s"
UNSPENT = """EXISTS (
        SELECT FROM credit c WHERE c.booking_id = b.id AND c.balance = c.granted AND c.expires_at > clock_timestamp())"""
"""A bundle of which nothing is used: its money goes back, as when its client cancels it."""
TO_COME = f"""(b.deleted_at IS NULL AND b.status IN ('draft', 'held', 'confirmed') AND (
    b.status = 'held' OR b.starts_at > clock_timestamp() OR {UNSPENT} OR EXISTS (
        SELECT FROM marketplace_booking m
        WHERE m.booking_id = b.id AND m.starts_at IS NULL AND m.kind <> 'bundle')))"""
"""What has not begun: also what has no time yet, such as a package and its parts, and what is unpaid, as it could
still be paid. Of bundles only those that are unspent: nothing goes back for a part of one.
"""
SQL_TO_COME = f"""
SELECT b.id, b.resource_id, b.local_date FROM booking b
WHERE b.user_id = %(id)s AND {TO_COME} AND b.id > %(after)s
ORDER BY b.id LIMIT {CANCEL_ROWS}
"""


class Erasure(Struct, frozen=True):
    """One account's, and its progress."""

    user_id: int
    names: list[str]
    """Names of `core.store.data_subjects`: commands about them are this person's, whenever they were sent."""
    phones: list[str]
    until: list[datetime]
    """Of each phone: commands that name it and were accepted by then are this person's; later ones are not."""
    actor: str
    request_id: str
    step: str
    after: int


class Done(Struct):
    """What one run did."""

    steps: int = 0
    lanes: set[int] = msgspec.field(default_factory=set)
    """To ring."""


def assignments(fields: Sequence[Field]) -> str:
    """The `SET` list of these fields. Paths of one JSON column are removed one after another."""
    values: dict[str, str] = {}
    for field in fields:
        if field.fate not in {Fate.EMPTIED, Fate.REPLACED}:
            continue
        before = values.get(field.column, f"t.{field.column}")
        value = f"({before} #- '{{{','.join(field.path)}}}')" if field.path else field.value
        values[field.column] = f"CASE WHEN {field.only} THEN {value} ELSE {before} END" if field.only else value
    return ", ".join(f"{column} = {value}" for column, value in values.items())


def step_statement(rows: Rows) -> str:
    """Empties or deletes the next `STEP_ROWS` rows after `%(after)s`; returns their number and the last one's key."""
    found = f"""
WITH found AS (
    SELECT {rows.key} AS key FROM {rows.table} t WHERE ({rows.find}) AND {rows.key} > %(after)s
    ORDER BY {rows.key} LIMIT {STEP_ROWS} FOR UPDATE
), done AS ("""
    if rows.is_deleted:
        change = f"DELETE FROM {rows.table} t USING found f WHERE {rows.key} = f.key RETURNING f.key"
    else:
        change = f"UPDATE {rows.table} t SET {assignments(rows.fields)} FROM found f WHERE {rows.key} = f.key RETURNING f.key"
    return f"{found}{change})\nSELECT count(*), max(key) FROM done"


SQL_COMMANDS = f"""
WITH found AS (
    SELECT t.id, t.decided_at FROM outcome t
    WHERE t.about && (%(names)s::text[] || %(phones)s::text[])
      AND (t.about && %(names)s::text[] OR EXISTS (
          SELECT FROM unnest(%(phones)s::text[], %(until)s::timestamptz[]) AS p (name, until)
          WHERE p.name = ANY(t.about) AND t.accepted_at <= p.until))
    LIMIT {STEP_ROWS}
), done AS (
    UPDATE outcome t SET {assignments(COMMANDS.fields)} FROM found f
    WHERE t.id = f.id AND t.decided_at = f.decided_at RETURNING 1)
SELECT count(*) FROM done
"""
STEPS = {
    rows.name: step_statement(rows)
    for rows in STEPPED
    if rows.is_deleted or any(field.fate is not Fate.KEPT for field in rows.fields)
}
AGAIN = " again"
ORDER = (*STEPS, "commands", "cancel", "settle", "cancel" + AGAIN, *(name + AGAIN for name in (*STEPS, "commands")))
"""Bookings are cancelled once nothing is left in them that an answer could repeat. Commands that were under way may
write into emptied rows again (a reason, notes), so all steps are repeated once they are decided. Cancelling, too: a
cancelled booking may have given the last credit of a bundle back, which is unspent then.
"""


def run(connection: Connection, for_s: float) -> Done:
    """Take steps for up to `for_s` seconds. Sweeps that run at the same time take different accounts."""
    until, done = time.monotonic() + for_s, Done()
    while _step(connection, done):
        done.steps += 1
        if time.monotonic() > until:
            break
    return done


def _step(connection: Connection, done: Done) -> bool:
    """One transaction; False if there is nothing to do now."""
    with connection.transaction():
        row = connection.execute(SQL_NEXT).fetchone()
        if row is None:
            return False
        erasure = Erasure(*row)
        step = erasure.step if erasure.step in ORDER else ORDER[0]
        match step.removesuffix(AGAIN):
            case "commands":
                after = 0 if _blank_commands(connection, erasure) else None
            case "cancel":
                after = _cancel(connection, erasure, done)
            case "settle":
                after = None
            case name:
                after = _rows(connection, erasure, STEPS[name])
        if after is None and step == ORDER[-1]:
            connection.execute(SQL_DONE, {"id": erasure.user_id})
            log.info("account erased", erased_user=erasure.user_id)
            return True
        if after is None:
            step, after = ORDER[ORDER.index(step) + 1], -1
        connection.execute(SQL_AT, {"id": erasure.user_id, "step": step, "after": after})
    return True


def _rows(connection: Connection, erasure: Erasure, statement: str) -> int | None:
    """The last key; None if no rows are left."""
    row = connection.execute(statement.encode(), {"id": erasure.user_id, "after": erasure.after}).fetchone()
    return int(row[1]) if row and row[0] else None


def _blank_commands(connection: Connection, erasure: Erasure) -> bool:
    names: dict[str, Any] = {"names": erasure.names, "phones": erasure.phones, "until": erasure.until}
    row = connection.execute(SQL_COMMANDS.encode(), names).fetchone()
    return bool(row and row[0])


def _cancel(connection: Connection, erasure: Erasure, done: Done) -> int | None:
    """Have the next bookings that have not begun cancelled. Money and credits go back as for any cancellation."""
    rows = connection.execute(SQL_TO_COME, {"id": erasure.user_id, "after": erasure.after}).fetchall()
    commands = [
        engine_command(
            Cancel(booking_id, REASON),
            partition_key(resource_id, day),
            request_id=erasure.request_id,
            command_class=CommandClass.BULK,
            contract="appointments",
            actor=msgspec.json.decode(erasure.actor, type=Actor),
        )
        for booking_id, resource_id, day in rows
    ]
    if not commands:
        return None
    done.lanes |= {lane for _, lane in enqueue(connection, commands)}
    return int(rows[-1][0])
