"""The sweep: finds what nobody rang for, and sends the canary.

Safe to run twice at once: a lane that is rung twice finds nothing the second time.
"""

from __future__ import annotations

from msgspec import Struct

from core.domain.commands import Canary
from core.store.calendars import busy_polls
from core.store.connections.database import Connection
from core.store.deliveries import leases
from core.store.feed import has_unnumbered
from core.store.inbox.acceptance import engine_command, enqueue
from core.store.inbox.reading import canary_waits, waiting_lanes
from core.store.payments.jobs import any_due


class Findings(Struct, frozen=True):
    lanes: list[int]
    """With commands that wait."""
    unnumbered: bool
    """Events wait for the relay."""
    payments_due: bool
    deliveries_due: bool
    """Something is to be sent or to be planned, or a calendar to be fetched."""


def look(connection: Connection) -> Findings:
    return Findings(
        waiting_lanes(connection), has_unnumbered(connection), any_due(connection), _deliveries_due(connection)
    )


def _deliveries_due(connection: Connection) -> bool:
    return leases.any_due(connection) or busy_polls.any_due(connection)


def send_canary(connection: Connection, number: int) -> int | None:
    """Put a canary into the inbox; its lane, or None while an earlier one still waits.

    `number` counts the canaries and moves them over the lanes, so that each lane is proven in turn.
    """
    if canary_waits(connection):
        return None
    ((_, lane),) = enqueue(connection, [engine_command(Canary(), f"canary:{number}", request_prefix="canary")])
    return lane
