"""What is due by the clock: holds that have lapsed, bookings that have begun or ended.

The sweep names them and sends one bounded command a lane; the lane decides. While a lane's last
command of the kind still waits it gets no other, so a lane that is behind is not buried. A command
that was put off holds up only the bookings that it names.
Safe to run twice at once: what was seen to already is not due any more when it is decided.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from msgspec import Struct

from core.domain.commands import CommandClass, ExpireDue, MoveOn, name_of
from core.store.connections.database import Connection
from core.store.inbox.acceptance import NewCommand, engine_command, enqueue
from core.store.inbox.partition_keys import partition_key
from core.store.inbox.reading import READABLE

DUE_BATCH = 250
"""Bookings in one command; a lane is closed to people while it decides them."""
DUE_READ_MAX = 5_000
"""Due bookings looked at in one round: many more than one lane gets, so that a lane which is behind
does not hide what is due in the others."""

SQL_LAPSED = """
SELECT id, resource_id, local_date FROM booking
WHERE status = 'held' AND hold_expires_at <= clock_timestamp() AND deleted_at IS NULL
ORDER BY hold_expires_at LIMIT %s
"""
SQL_BEGUN = """
SELECT id, resource_id, local_date FROM booking
WHERE status = 'confirmed' AND contract IN ('rooms', 'marketplace') AND ends_at > created_at
  AND starts_at <= clock_timestamp() AND deleted_at IS NULL AND details->>'kind' IS DISTINCT FROM 'course'
ORDER BY starts_at LIMIT %s
"""
SQL_ENDED = """
SELECT id, resource_id, local_date FROM booking
WHERE status = 'in_progress' AND contract IN ('rooms', 'marketplace') AND ends_at > created_at
  AND ends_at <= clock_timestamp() AND deleted_at IS NULL AND details->>'kind' IS DISTINCT FROM 'course'
ORDER BY ends_at LIMIT %s
"""
"""What `core.domain.bookings.clock` moves on (courses follow their sessions); each by its own small index (migration 0003)."""

SQL_PURCHASES = """
SELECT m.booking_id, w.id, (SELECT count(*) FROM marketplace_booking f WHERE f.parent_id = w.id)
FROM marketplace_booking m, LATERAL (SELECT coalesce(m.parent_id, m.booking_id) AS id) AS w
WHERE m.booking_id = ANY(%s)
"""
"""The purchase that each belongs to, and its number of parts: all of them are loaded together."""
SQL_LANES = "SELECT lanes FROM installation"
SQL_WAITING = f"""
SELECT lane, type, put_offs > 0, body->'booking_ids' FROM inbox
WHERE class = {CommandClass.EXPIRY} AND {READABLE} AND type IN ('expire_due', 'move_on')
"""

KINDS: tuple[tuple[str, type[ExpireDue | MoveOn]], ...] = (
    (SQL_LAPSED, ExpireDue),
    (SQL_BEGUN, MoveOn),
    (SQL_ENDED, MoveOn),
)


class SentDue(Struct, frozen=True):
    lanes: set[int]
    """To be rung."""
    more: bool
    """Something is left that found no place in a command."""


def send_due(connection: Connection) -> SentDue:
    """Send each lane what is due in it."""
    lanes = _lanes(connection)
    found = connection.execute(SQL_WAITING).fetchall()
    waiting = {(lane, type_) for lane, type_, was_put_off, _ in found if not was_put_off}
    named_already = {(type_, id_) for _, type_, was_put_off, ids in found if was_put_off for id_ in ids}
    commands: list[NewCommand] = []
    more = False
    for sql, command in KINDS:
        for lane, (key, ids) in _by_lane(connection, sql, lanes).items():
            type_ = name_of(command)
            ids = [id_ for id_ in ids if (type_, id_) not in named_already]  # noqa: PLW2901 - the same, sifted
            if not ids:
                continue
            named = _fitting(connection, ids[:DUE_BATCH])
            if (lane, type_) in waiting:
                more = True
                continue
            commands.append(
                engine_command(command(named), key, request_prefix="due", command_class=CommandClass.EXPIRY)
            )
            more = more or len(ids) >= DUE_BATCH or len(named) < len(ids)
    if not commands:
        return SentDue(set(), more)
    return SentDue({lane for _, lane in enqueue(connection, commands)}, more)


def _lanes(connection: Connection) -> int:
    row = connection.execute(SQL_LANES).fetchone()
    if row is None:
        raise LookupError("There is no installation row: run the migrate command first.")
    return int(row[0])


def _by_lane(connection: Connection, sql: str, lanes: int) -> dict[int, tuple[str, list[int]]]:
    """Due bookings by their home lane, with a slot key that leads there."""
    found: dict[int, tuple[str, list[int]]] = {}
    for id_, resource_id, day in connection.execute(sql.encode(), (DUE_READ_MAX,)).fetchall():
        key = partition_key(resource_id, day)
        _, ids = found.setdefault(zlib.crc32(key.encode()) % lanes, (key, []))
        ids.append(id_)
    return found


def _fitting(connection: Connection, ids: Sequence[int]) -> tuple[int, ...]:
    """As many of these bookings, in order, as a lane decides at once together with their purchases."""
    rows = connection.execute(SQL_PURCHASES, (list(ids),)).fetchall()
    purchases = {id_: (whole, parts) for id_, whole, parts in rows}
    known: set[int] = set()
    weight = 0
    for n, id_ in enumerate(ids):
        whole, parts = purchases.get(id_, (id_, 0))
        weight += 0 if whole in known else 1 + parts
        known.add(whole)
        if weight > DUE_BATCH:
            return tuple(ids[: max(n, 1)])
    return tuple(ids)
