"""The output of `holdfast status` as one value: its JSON is a contract (docs/status.schema.json).

It holds only what the parts said. Where a part did not answer, its figures are null and `parts` says why.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from core.store.running_state import WaitingLane


class PartState(Struct, frozen=True):
    """A part that is asked."""

    name: str
    is_up: bool | None
    """None: it could not be asked; `problem` says why."""
    took_ms: float | None
    detail: str | None
    problem: str | None


class ProcessState(Struct, frozen=True):
    """All processes of one kind."""

    name: str
    """As in ops/processes.py."""
    is_up: bool | None
    """None: the part that could tell did not answer."""
    count: int | None
    """None: not known."""
    seen: str | None
    """The evidence for it."""
    workers: tuple[str, ...] = ()
    """The names under which workers answered."""


class Inbox(Struct, frozen=True):
    """Commands that are not decided yet, counted up to 100,000."""

    by_class: dict[str, int]
    put_off: int
    for_newer_workers: int


class Lanes(Struct, frozen=True):
    count: int
    lag_s: float
    """Age of the oldest command that a lane should have decided."""
    waiting: tuple[WaitingLane, ...]
    """Those in whose inbox something waits."""


class Decisions(Struct, frozen=True):
    """Of the last seconds, without canaries."""

    per_second: float
    within_s: float
    succeeded: int
    rejected: int
    failed: int


class Feed(Struct, frozen=True):
    position: str
    """Of the last event."""
    relay_lag_s: float
    """Age of the oldest event that has no position yet."""
    delivered: int | None
    """Number of the last event that the notifier furthest behind has delivered; None: not known."""
    lanes_canary_age_s: float | None
    notifier_canary_age_s: float | None
    """None: no canary has ever come so far."""


class Holds(Struct, frozen=True):
    standing: int
    lapsed: int
    """Their time is over, but the sweep has not expired them yet."""


class Payments(Struct, frozen=True):
    by_state: dict[str, int]
    """Those that are not settled."""
    lag_s: float
    """How late the payments workers are with what people wait for."""
    parked: int
    differing: int
    stripe_is_left_alone: bool
    """It did not answer, and is only tried now and then."""


class Deliveries(Struct, frozen=True):
    waiting: dict[str, int]
    """By sender: webhooks, mails."""
    parked: int
    unplanned_events: int
    """Of the sender furthest behind the feed."""
    missed_events: int
    """Deleted before they were planned, in all."""
    lag_s: float
    """How late the delivery workers are with what is due."""
    busy_calendars: int
    """That resources follow."""
    busy_calendars_failing: int


class Sockets(Struct, frozen=True):
    open: int
    by_feed: dict[str, int]
    slow_clients_closed: int
    """Since the notifiers started."""


class Overview(Struct, frozen=True):
    at: datetime
    """By the clock of the machine that runs the command."""
    version: str
    is_ready: bool | None
    """What the API's `/readyz` says; None: the API did not answer."""
    down: dict[str, str]
    """The parts that keep a booking from getting through, with the reason."""
    degraded: dict[str, str]
    maintenance_since: datetime | None
    parts: tuple[PartState, ...]
    processes: tuple[ProcessState, ...]
    decisions: Decisions | None
    inbox: Inbox | None
    lanes: Lanes | None
    queues: dict[str, int] | None
    """Tasks that wait in Celery's queues."""
    feed: Feed | None
    holds: Holds | None
    payments: Payments | None
    deliveries: Deliveries | None
    retention_lag_s: float | None
    sockets: Sockets | None
