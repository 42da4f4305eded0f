"""Whether the pipeline moves: the age of its canaries, and how late each part is.

Beat's canary goes through inbox, lane, relay and notifier; each end notes when it last heard one.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from core.domain.versions import FIRST
from core.store.connections.database import AsyncConnection, Connection
from core.store.inbox.reading import READABLE
from core.store.maintenance.retention import SQL_BEHIND

CANARY_FRESH_S = 20.0
"""Four canaries missed in a row."""
LANE_LAG_MAX_S = 15.0
PAYMENTS_LAG_MAX_S = 30.0
RETENTION_LAG_MAX_S = 3_600.0
"""The same for the sweep that deletes old rows, which begins every minute."""

NEWER = f"""(awaits IS NULL AND NOT {READABLE}
    OR awaits IS NULL AND version > {FIRST} AND accepted_at < clock_timestamp() - interval '{LANE_LAG_MAX_S} s')"""
"""A row of the inbox that waits for a newer worker. Nothing records which versions the workers know, but all know the
first. A command with a higher one that waits for long, while the canary gets through, is unknown to them."""

SQL_PULSE = f"""
SELECT extract(epoch FROM clock_timestamp() - (SELECT heard_at FROM canary WHERE stage = 'lanes'))::float8,
       extract(epoch FROM clock_timestamp() - (SELECT heard_at FROM canary WHERE stage = 'notifier'))::float8,
       coalesce(extract(epoch FROM clock_timestamp() - (
           SELECT min(accepted_at) FROM inbox WHERE awaits IS NULL AND put_offs = 0 AND NOT {NEWER}))::float8, 0),
       coalesce((SELECT opened_at IS NOT NULL FROM payments_gate), false),
       greatest(0, coalesce(extract(epoch FROM clock_timestamp() - (
           SELECT min(due_at) FROM payment WHERE due_at IS NOT NULL AND state IN ('creating', 'returning', 'refunding')))::float8, 0)),
       (SELECT count(*) FROM payment WHERE parked_at IS NOT NULL),
       (SELECT count(*) FROM inbox WHERE {NEWER}),
       coalesce((SELECT late FROM ({SQL_BEHIND}) AS furthest (name, late)), 0),
       (SELECT count(*) FROM inbox WHERE put_offs > 0 AND NOT {NEWER}),
       EXISTS (SELECT FROM inbox WHERE type = 'canary')
"""
SQL_HEAR = """
INSERT INTO canary (stage, heard_at) VALUES ('notifier', clock_timestamp())
ON CONFLICT (stage) DO UPDATE SET heard_at = greatest(canary.heard_at, excluded.heard_at)
"""
SQL_HEARD = "SELECT stage FROM canary WHERE heard_at > %s"


class Pulse(Struct, frozen=True):
    """Ages in seconds; None for what was never heard."""

    lanes_canary_age_s: float | None
    notifier_canary_age_s: float | None
    lane_lag_s: float
    payments_circuit_is_open: bool = False
    """Stripe does not answer and is left alone."""
    payments_lag_s: float = 0.0
    """How late the payments worker is with what people wait for."""
    payments_parked: int = 0
    """Payments that need a person."""
    commands_for_newer_workers: int = 0
    """Accepted commands that no running worker knows."""
    retention_lag_s: float = 0.0
    """How long ago the oldest row that is still there should have been deleted."""
    commands_put_off: int = 0
    """Accepted commands that the database refuses while it decides others."""
    canary_waits: bool = False
    """A canary was sent that is not decided yet."""

    def lanes_problem(self) -> str | None:
        """Why commands are not decided, in a phrase."""
        age_s = self.lanes_canary_age_s
        if age_s is None or age_s > CANARY_FRESH_S:
            return f"no canary decided for {_age(age_s)}"
        if self.lane_lag_s > LANE_LAG_MAX_S:
            return f"a command has waited for {self.lane_lag_s:.0f} s"
        return None

    def payments_problem(self) -> str | None:
        """While Stripe does not answer, waiting is right."""
        if self.payments_lag_s > PAYMENTS_LAG_MAX_S and not self.payments_circuit_is_open:
            return self.lanes_problem() or f"a payment has waited for {self.payments_lag_s:.0f} s"
        return self.lanes_problem()

    def notifier_problem(self) -> str | None:
        age_s = self.notifier_canary_age_s
        return f"no canary heard for {_age(age_s)}" if age_s is None or age_s > CANARY_FRESH_S else None


def _age(seconds: float | None) -> str:
    return "ever" if seconds is None else f"{seconds:.0f} s"


def read_pulse(connection: Connection) -> Pulse:
    row = connection.execute(SQL_PULSE).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    return Pulse(*row)


async def read_pulse_async(connection: AsyncConnection) -> Pulse:
    """The same on an event loop."""
    row = await (await connection.execute(SQL_PULSE)).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    return Pulse(*row)


async def notifier_heard(connection: AsyncConnection) -> None:
    """A canary came as far as the notifier. `core.store.save` notes those that a lane decided."""
    await connection.execute(SQL_HEAR)


def stages_heard(connection: Connection, since: datetime) -> set[str]:
    """Which of the stages `lanes` and `notifier` have heard a canary since then, by the database's clock."""
    return {str(stage) for (stage,) in connection.execute(SQL_HEARD, (since,)).fetchall()}
