"""`/healthz`: this process answers. `/readyz`: a booking would get all the way through.

Readiness is end to end: beat's canary went through inbox, lane, relay and notifier lately.
"""

from __future__ import annotations

from typing import Literal

import falcon.asgi
import psycopg
from msgspec import Struct

from api.commands.outcome_waiter import OutcomeWaiter
from api.http.responses import respond, respond_encoded
from api.openapi import Content, operation
from core.store.connections.pool import Pool
from core.store.pulse import (
    CANARY_FRESH_S,
    LANE_LAG_MAX_S,
    PAYMENTS_LAG_MAX_S,
    RETENTION_LAG_MAX_S,
    Pulse,
    read_pulse_async,
)
from core.store.revision import SchemaDoesNotFitError, SchemaWatch


class Alive(Struct, frozen=True):
    status: Literal["ok"]


class Ready(Struct, frozen=True):
    """What `/readyz` says, whether it is ready or not."""

    status: Literal["ready", "not ready"]
    down: list[str]
    """The parts that keep a booking from getting all the way through: `postgresql`, `redis`, `schema` (it and this
    process do not fit), `sweeps` (nobody sends canaries: beat or the sweeps are down), `lanes`, `notifier`."""
    degraded: list[str]
    """What goes wrong while bookings still get through: `payments` while Stripe does not answer,
    `commands for newer workers` while some wait that no running worker knows, `commands put off` while the database
    refuses some and decides others, `retention` while rows are there that should have been deleted an hour ago."""
    canary_age_s: float | None
    canary_at_notifier_age_s: float | None
    lane_lag_s: float | None
    payments_lag_s: float | None
    payments_parked: int | None
    """How many payments wait for a person: `GET /api/admin/payments/?needs_a_person=true` shows them."""
    commands_for_newer_workers: int | None
    """How many accepted commands wait for a worker of a newer release. They are decided once one runs."""
    retention_lag_s: float | None
    """How long ago the oldest remaining row should have been deleted."""
    commands_put_off: int | None
    """How many accepted commands the database refuses while it decides others. They are tried again, and the log says
    why under `command failed alone by no fault of its own`."""
    schema: str | None
    """Why this process and the database's schema do not fit each other; null if they do."""


class Health:
    """Liveness touches nothing else, so that an outage elsewhere restarts nobody."""

    @operation("Whether this process answers", answers={200: Alive})
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        respond_encoded(resp, b'{"status":"ok"}')


class Readiness:
    def __init__(self, pool: Pool, outcomes: OutcomeWaiter) -> None:
        self._pool = pool
        self._outcomes = outcomes
        self._schema = SchemaWatch()

    @operation(
        "Whether a booking would get all the way through",
        answers={200: Ready, 503: Content(Ready, headers={"Retry-After": "Seconds"})},
    )
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        pulse, schema_mismatch = await self._pulse()
        down = down_parts(pulse, redis_is_up=self._outcomes.redis_is_up, fits=schema_mismatch is None)
        body = Ready(
            status="not ready" if down else "ready",
            down=down,
            degraded=degraded(pulse),
            canary_age_s=_rounded(pulse.lanes_canary_age_s if pulse else None),
            canary_at_notifier_age_s=_rounded(pulse.notifier_canary_age_s if pulse else None),
            lane_lag_s=_rounded(pulse.lane_lag_s if pulse else None),
            payments_lag_s=_rounded(pulse.payments_lag_s if pulse else None),
            payments_parked=pulse.payments_parked if pulse else None,
            commands_for_newer_workers=pulse.commands_for_newer_workers if pulse else None,
            retention_lag_s=_rounded(pulse.retention_lag_s if pulse else None),
            commands_put_off=pulse.commands_put_off if pulse else None,
            schema=schema_mismatch,
        )
        if down:
            resp.set_header("Retry-After", "2")
        respond(resp, body, 503 if down else 200)

    async def _pulse(self) -> tuple[Pulse | None, str | None]:
        """And why the schema does not fit, if that is why there is no pulse."""
        try:
            async with self._pool.connection(timeout=2.0) as connection:
                await self._schema.check_async(connection)
                return await read_pulse_async(connection), None
        except SchemaDoesNotFitError as problem:
            return None, str(problem)
        except psycopg.Error:
            return None, None


def down_parts(pulse: Pulse | None, *, redis_is_up: bool, fits: bool = True) -> list[str]:
    """The parts that keep a booking from getting through, by name."""
    found = [] if redis_is_up else ["redis"]
    if pulse is None:
        return [*found, "postgresql" if fits else "schema"]
    nobody_asks = _stale(pulse.lanes_canary_age_s) and not pulse.canary_waits
    if nobody_asks:
        found.append("sweeps")  # the lanes and the notifier may be well: no canary was sent
    if (_stale(pulse.lanes_canary_age_s) and not nobody_asks) or pulse.lane_lag_s > LANE_LAG_MAX_S:
        found.append("lanes")
    if _stale(pulse.notifier_canary_age_s) and not nobody_asks:
        found.append("notifier")
    return found


def degraded(pulse: Pulse | None) -> list[str]:
    """The parts without which free bookings still get through: no reason to be taken out of service."""
    if pulse is None:
        return []
    found = []
    if pulse.payments_circuit_is_open or pulse.payments_lag_s > PAYMENTS_LAG_MAX_S:
        found.append("payments")
    if pulse.commands_for_newer_workers:
        found.append("commands for newer workers")
    if pulse.retention_lag_s > RETENTION_LAG_MAX_S:
        found.append("retention")
    if pulse.commands_put_off:
        found.append("commands put off")
    return found


def _stale(age_s: float | None) -> bool:
    return age_s is None or age_s > CANARY_FRESH_S


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
