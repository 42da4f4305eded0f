"""Combines what the parts said. What a part has not said is null."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from core.store.running_state import RunningState
from ops.status.asked_parts import Reply
from ops.status.overview import (
    Decisions,
    Deliveries,
    Feed,
    Holds,
    Inbox,
    Lanes,
    Overview,
    PartState,
    Payments,
    Sockets,
)
from ops.status.processes_seen import processes_seen
from ops.status.socket_metrics import SocketState
from ops.status.sources import Readyz, RedisState, Replies

METRICS_UNKNOWN = "nobody said where they serve their metrics: --metrics HOST:PORT"
NO_WORKER = "none answers through Redis"

Told = TypeVar("Told")
Made = TypeVar("Made")


def overview(replies: Replies, at: datetime, version: str) -> Overview:
    database, readyz = replies.database.value, replies.api.value
    down, degraded = _judged(replies)
    return Overview(
        at=at,
        version=version,
        is_ready=_of(readyz, lambda one: one.is_ready),
        down=down,
        degraded=degraded,
        maintenance_since=_of(database, lambda one: _of(one.maintenance, lambda begun: begun.since)),
        parts=_parts(replies),
        processes=processes_seen(replies),
        decisions=_of(database, _decisions),
        inbox=_of(database, _inbox),
        lanes=_of(database, _lanes),
        queues=_of(replies.redis.value, lambda one: one.queues),
        feed=_of(database, lambda one: _feed(one, replies.sockets)),
        holds=_of(database, _holds),
        payments=_of(database, _payments),
        deliveries=_of(database, _deliveries),
        retention_lag_s=_of(database, lambda one: one.measurements.pulse.retention_lag_s),
        sockets=_of(replies.sockets, _sockets),
    )


def _of(told: Told | None, make: Callable[[Told], Made]) -> Made | None:
    return None if told is None else make(told)


def _judged(replies: Replies) -> tuple[dict[str, str], dict[str, str]]:
    """What is down and what is degraded: as the API says; without it, by what it would have looked at."""
    readyz, database = replies.api.value, replies.database.value
    if readyz is not None:
        return _with_reasons(readyz.down, readyz), _with_reasons(readyz.degraded, readyz)
    from api.health import degraded, down_parts  # noqa: PLC0415 - mostly the API answers, and has done it

    stores = {"postgresql": replies.database.problem, "redis": replies.redis.problem, "api": replies.api.problem}
    down = {name: problem for name, problem in stores.items() if problem is not None}
    if database is None:
        return down, {}
    return down | down_parts(database.measurements.pulse), degraded(database.measurements.pulse)


def _with_reasons(names: Sequence[str], readyz: Readyz) -> dict[str, str]:
    return {name: readyz.reasons.get(name, "") for name in names}


def _parts(replies: Replies) -> tuple[PartState, ...]:
    notifiers = replies.notifiers
    return (
        _part("postgresql", replies.database, _connections),
        _part("redis", replies.redis, _server),
        _part("workers", _heard(replies.workers), lambda found: f"{len(found)} answer"),
        _part("api", replies.api, lambda readyz: readyz.status),
        PartState("notifiers", None, None, None, METRICS_UNKNOWN)
        if notifiers is None
        else _part("notifiers", notifiers, lambda sockets: f"{sockets.notifiers} answer"),
    )


def _heard(workers: Reply[dict[str, Any]]) -> Reply[dict[str, Any]]:
    """All are waited for equally long, so the time that it took says nothing."""
    if not workers.value:
        return Reply(problem=workers.problem or NO_WORKER)
    return Reply(value=workers.value)


def _part(name: str, reply: Reply[Any], detail: Callable[[Any], str]) -> PartState:
    took_ms = _of(reply.took_s, lambda seconds: round(seconds * 1000, 1))
    return PartState(name, reply.problem is None, took_ms, _of(reply.value, detail), reply.problem)


def _connections(database: RunningState) -> str:
    return f"{database.server_version}, {database.connections} of {database.connections_max} connections"


def _server(redis: RedisState) -> str:
    return ", ".join(word for word in (redis.server, redis.used_memory) if word)


def _decisions(database: RunningState) -> Decisions:
    decided = database.decided
    return Decisions(
        round(decided.per_second, 2), round(decided.within_s, 1), decided.succeeded, decided.rejected, decided.failed
    )


def _inbox(database: RunningState) -> Inbox:
    measured = database.measurements
    return Inbox(measured.inbox, measured.pulse.commands_put_off, measured.pulse.commands_for_newer_workers)


def _lanes(database: RunningState) -> Lanes:
    return Lanes(database.lanes, database.measurements.pulse.lane_lag_s, database.waiting_lanes)


def _feed(database: RunningState, sockets: SocketState | None) -> Feed:
    measured = database.measurements
    return Feed(
        f"{database.feed_epoch}-{measured.feed_head}",
        measured.relay_lag_s,
        _of(sockets, lambda one: one.delivered),
        measured.pulse.lanes_canary_age_s,
        measured.pulse.notifier_canary_age_s,
    )


def _holds(database: RunningState) -> Holds:
    return Holds(database.measurements.holds, database.measurements.holds_lapsed)


def _payments(database: RunningState) -> Payments:
    measured = database.measurements
    pulse = measured.pulse
    return Payments(
        measured.payments,
        pulse.payments_lag_s,
        pulse.payments_parked,
        measured.payments_differing,
        pulse.payments_circuit_is_open,
    )


def _deliveries(database: RunningState) -> Deliveries:
    state = database.measurements.deliveries
    return Deliveries(
        {one.sender: one.waiting for one in state.senders},
        sum(one.parked for one in state.senders),
        max((one.unplanned_events for one in state.senders), default=0),
        sum(one.missed_events for one in state.senders),
        state.lag_s,
        sum(state.busy_calendars.values()),
        state.busy_calendars["failing"],
    )


def _sockets(sockets: SocketState) -> Sockets:
    return Sockets(sum(sockets.by_feed.values()), sockets.by_feed, sockets.slow_clients)
