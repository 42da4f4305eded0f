"""The sweep: finds what nobody rang for, and sends the canary.

Safe to run twice at once: reading and ringing repeat harmlessly.
"""

from __future__ import annotations

from msgspec import Struct

from core.domain.commands import Canary
from core.store.connections.database import Connection
from core.store.feed import SQL_UNNUMBERED
from core.store.inbox.acceptance import engine_command, enqueue
from core.store.inbox.reading import NOT_PUT_OFF, READABLE
from core.store.payments.jobs import any_due

SQL_WAITING_LANES = f"""
SELECT DISTINCT lane FROM inbox
WHERE accepted_at < clock_timestamp() - interval '200 milliseconds' AND awaits IS NULL AND {READABLE} AND {NOT_PUT_OFF} ORDER BY lane
"""
"""Lanes whose bell may have been lost. Younger commands are probably being decided right now."""


class Findings(Struct, frozen=True):
    lanes: list[int]
    unnumbered: bool
    """Events wait for the relay."""
    payments_due: bool


def look(connection: Connection) -> Findings:
    lanes = [row[0] for row in connection.execute(SQL_WAITING_LANES).fetchall()]
    unnumbered = connection.execute(SQL_UNNUMBERED).fetchone()
    return Findings(lanes, bool(unnumbered and unnumbered[0]), any_due(connection))


SQL_CANARY_WAITS = f"SELECT EXISTS (SELECT FROM inbox WHERE type = 'canary' AND {READABLE})"


def send_canary(connection: Connection, turn: int) -> int | None:
    """Put a canary into the inbox; its lane, or None while an earlier one still waits.

    `turn` moves the canaries over the lanes, so that each lane is proven in turn.
    """
    waits = connection.execute(SQL_CANARY_WAITS).fetchone()
    if waits and waits[0]:
        return None
    ((_, lane),) = enqueue(connection, [engine_command(Canary(), f"canary:{turn}", request_prefix="canary")])
    return lane
