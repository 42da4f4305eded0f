"""`/healthz`: this process answers. `/readyz`: a booking would get all the way through.

Readiness is end to end: beat's canary went through inbox, lane, relay and notifier lately.
"""

from __future__ import annotations

import asyncio
from typing import Literal

import falcon.asgi
import psycopg
from msgspec import Struct
from psycopg_pool import PoolTimeout

from api.commands.outcome_waiter import OutcomeWaiter
from api.http.responses import respond, respond_encoded
from api.installation import InstallationWatch
from api.openapi import Content, operation
from core.store.connections.pool import Pool
from core.store.connections.reasons import PostgresReason, connection_reason, reason_of
from core.store.pulse import (
    CANARY_FRESH_S,
    LANE_LAG_MAX_S,
    PAYMENTS_LAG_MAX_S,
    RETENTION_LAG_MAX_S,
    Pulse,
    read_pulse_async,
)
from core.store.revision import SchemaDoesNotFitError, SchemaWatch

REASON_FRESH_S = 2.0
"""Everybody may ask for `/readyz`: so often, at most, a connection is tried for them."""
REASON_WITHIN_S = 0.8
"""Beside the wait for the pool, so that whoever asks has an answer within three seconds (`ops.probes`)."""


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
    refuses some and decides others, `maintenance` while an operator lets nobody write, `retention` while rows are there that should have been deleted an hour ago."""
    reasons: dict[str, str]
    """By part, why it stands in `down` or `degraded`: in words of ours, without names or addresses."""
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
    maintenance_since: str | None
    """Since when writes are refused with 503 `maintenance`; null if they are not."""
    schema: str | None
    """Why this process and the database's schema do not fit each other; null if they do."""


class Health:
    """Liveness touches nothing else, so that an outage elsewhere restarts nobody."""

    @operation("Whether this process answers", answers={200: Alive})
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        respond_encoded(resp, b'{"status":"ok"}')


class DatabaseReason:
    """Why the pool has no connection: one is tried beside it, for all who ask within the next moment."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._tried: asyncio.Task[PostgresReason] | None = None
        self._tried_at = 0.0

    async def reason(self) -> PostgresReason:
        now = asyncio.get_running_loop().time()
        if self._tried is None or now - self._tried_at > REASON_FRESH_S:
            self._tried_at = now
            self._tried = asyncio.create_task(connection_reason(self._url), name="why the database is away")
        try:
            return await asyncio.wait_for(asyncio.shield(self._tried), REASON_WITHIN_S)
        except TimeoutError:
            return PostgresReason.NO_ANSWER


class Readiness:
    def __init__(self, pool: Pool, outcomes: OutcomeWaiter, installation: InstallationWatch, database_url: str) -> None:
        self._installation = installation
        self._pool = pool
        self._database = DatabaseReason(database_url)
        self._outcomes = outcomes
        self._schema = SchemaWatch()

    @operation(
        "Whether a booking would get all the way through",
        answers={200: Ready, 503: Content(Ready, headers={"Retry-After": "Seconds"})},
    )
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        pulse, missing = await self._pulse()
        down: dict[str, str] = {} if self._outcomes.redis_is_up else {"redis": self._outcomes.redis_reason}
        down |= missing or (down_parts(pulse) if pulse else {})
        limps = degraded(pulse) if pulse else {}
        maintenance = self._installation.maintenance
        if maintenance is not None:
            limps["maintenance"] = "an operator has stopped all writes for a while"
        body = Ready(
            status="not ready" if down else "ready",
            down=list(down),
            degraded=list(limps),
            reasons=down | limps,
            canary_age_s=_rounded(pulse.lanes_canary_age_s if pulse else None),
            canary_at_notifier_age_s=_rounded(pulse.notifier_canary_age_s if pulse else None),
            lane_lag_s=_rounded(pulse.lane_lag_s if pulse else None),
            payments_lag_s=_rounded(pulse.payments_lag_s if pulse else None),
            payments_parked=pulse.payments_parked if pulse else None,
            commands_for_newer_workers=pulse.commands_for_newer_workers if pulse else None,
            retention_lag_s=_rounded(pulse.retention_lag_s if pulse else None),
            commands_put_off=pulse.commands_put_off if pulse else None,
            maintenance_since=None if maintenance is None else maintenance.since.isoformat(),
            schema=missing.get("schema"),
        )
        if down:
            resp.set_header("Retry-After", "2")
        respond(resp, body, 503 if down else 200)

    async def _pulse(self) -> tuple[Pulse | None, dict[str, str]]:
        """Or the part that is why there is none, with the reason."""
        try:
            async with self._pool.connection(timeout=2.0) as connection:
                await self._schema.check_async(connection)
                return await read_pulse_async(connection), {}
        except SchemaDoesNotFitError as problem:
            return None, {"schema": str(problem)}
        except PoolTimeout:
            return None, {"postgresql": await self._database.reason()}
        except psycopg.Error as problem:
            return None, {"postgresql": reason_of(problem)}


def down_parts(pulse: Pulse) -> dict[str, str]:
    """The parts that keep a booking from getting through, by name, with the reason."""
    found = {}
    nobody_asks = _stale(pulse.lanes_canary_age_s) and not pulse.canary_waits
    if nobody_asks:  # the lanes and the notifier may be well: no canary was sent
        found["sweeps"] = "no canary was sent lately: beat or the sweeps stand still"
    if pulse.lane_lag_s > LANE_LAG_MAX_S:
        found["lanes"] = "a command has waited too long to be decided"
    elif _stale(pulse.lanes_canary_age_s) and not nobody_asks:
        found["lanes"] = "the last canary waits to be decided"
    if _stale(pulse.notifier_canary_age_s) and not nobody_asks:
        found["notifier"] = "no canary has come as far as the notifier lately"
    return found


def degraded(pulse: Pulse) -> dict[str, str]:
    """The parts without which free bookings still get through: no reason to be taken out of service."""
    found = {}
    if pulse.payments_circuit_is_open:
        found["payments"] = "Stripe does not answer and is left alone for a while"
    elif pulse.payments_lag_s > PAYMENTS_LAG_MAX_S:
        found["payments"] = "a payment waits too long for a payments worker"
    if pulse.commands_for_newer_workers:
        found["commands for newer workers"] = "no running worker knows some accepted commands: start newer workers"
    if pulse.retention_lag_s > RETENTION_LAG_MAX_S:
        found["retention"] = "rows that should have been deleted an hour ago are still there"
    if pulse.commands_put_off:
        found["commands put off"] = "the database refuses some commands, which are tried again"
    return found


def _stale(age_s: float | None) -> bool:
    return age_s is None or age_s > CANARY_FRESH_S


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
