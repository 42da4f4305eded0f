"""The lane server: answers the lanes' bells, then publishes outcomes and rings relay and payments."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import suppress

import msgspec
import psycopg
import redis
import structlog
from celery import Celery

from core.domain.events import Event, PaymentChanged, PaymentMade
from core.engine.database_probe import ProbeThread
from core.engine.failed_commands import Parked
from core.engine.lane import Lanes, VisitResult
from core.engine.lane_failures import LaneFailures
from core.engine.sweep import look
from core.logs import together
from core.passwords import hash_shared_password
from core.settings import Settings
from core.store.connections.database import Connection, connect_lane
from core.store.inbox.lane_batches import lane_count
from core.store.inbox.lane_notes import LaneNotes
from core.store.inbox.outcomes import DEFERRED
from core.store.save import Decided
from core.tracing import spans
from core.tracing.context import trace_id_of
from core.wakeup.bells import Roster
from core.wakeup.keys import LANES, PAYMENTS, RELAY, SERVE_LANES, lane_of_bell
from workers.lane_traces import record_visit
from workers.metrics import lane_metrics
from workers.serve_loop import Answer, Server

log = structlog.get_logger()

LANES_FRESH_S = 1.0
"""How old the known number of lanes may be; the sweep finds a command in a lane that nobody listens to."""
SERVERS = max(1, (os.cpu_count() or 1) // 2)
"""The number of servers that stay; more of them only while batches are full."""
COUNT_EVERY_S = 1.0
STAY_S = 3.0
"""A server stays this long after its start or a full batch, even if there are enough others."""
HELP_EVERY_S = 1.0

NO_TRACE: dict[str, str] = {}

_encode = msgspec.msgpack.Encoder().encode


def register(app: Celery, settings: Settings) -> None:
    @app.task(name=SERVE_LANES)
    def serve() -> int:
        """Serve all lanes until they fall silent. Lane work has no arguments: it lies in the inbox."""
        return LaneServer(app, settings).run()


class LaneServer(Server):
    """One worker's connections and the loop over the bells of all lanes."""

    group = LANES

    def __init__(self, app: Celery, settings: Settings) -> None:
        super().__init__(app, settings)
        self._relay_waker = self._waker_of(RELAY)
        self._payments_waker = self._waker_of(PAYMENTS)
        self._connection: Connection | None = None
        self._notes: LaneNotes | None = None
        self._visits: Lanes | None = None
        self._lane_failures = LaneFailures()
        self._probe = ProbeThread(lambda: connect_lane(settings.database_url, "holdfast lane probe"))
        self._width = 1
        """How many lanes to visit together."""
        self._lanes = 0
        self._lanes_read_at = float("-inf")
        self._roster = Roster(self._redis, LANES, self._keys)
        self._counted_at = self._helped_at = float("-inf")
        self._needed_at = time.monotonic()
        self._metrics = lane_metrics()

    def _close(self) -> None:
        self._roster.leave()
        self._disconnect()
        self._probe.close()

    def _most(self) -> int:
        return self._width

    def _is_needed(self) -> bool:
        """Counted once a second. More servers than needed would turn large batches into small ones."""
        now = time.monotonic()
        if now - self._counted_at < COUNT_EVERY_S:
            return True
        self._counted_at = now
        if self._schema.waits:
            return True  # without signing the roster: a server that can decide would leave because of it
        try:
            return self._roster.older_servers() < SERVERS or now - self._needed_at < STAY_S
        except redis.RedisError:
            return True  # no other server could be called

    def _call_for_help(self) -> None:
        """After a full batch: another worker, if one is free, takes some of the lanes."""
        self._needed_at = now = time.monotonic()
        if now - self._helped_at > HELP_EVERY_S:
            self._helped_at = now
            self._waker.call()

    def _hand_over(self, lanes: Collection[int]) -> None:
        """Let another server take these lanes: the visit under way may last until a timeout."""
        self._roster.leave()
        self._waker.ring([self._keys.lane_bell(lane) for lane in lanes])
        self._waker.call()

    def _bells(self) -> list[str]:
        if time.monotonic() - self._lanes_read_at > LANES_FRESH_S:
            try:
                self._lanes = lane_count(self._query())
            except psycopg.Error as problem:
                self._recover(problem)  # or, knowing no lanes yet, we would listen to none and never find out
            else:
                self._lanes_read_at = time.monotonic()
        return [self._keys.lane_bell(lane) for lane in range(self._lanes)]

    def _look(self) -> list[str]:
        try:
            return [self._keys.lane_bell(lane) for lane in look(self._query()).lanes]
        except psycopg.Error as problem:
            self._recover(problem)
            return []

    def _answer(self, rung: Sequence[str]) -> Answer:
        started = time.monotonic()
        try:
            result = self._connected().visit([lane_of_bell(bell) for bell in rung])
        except psycopg.Error as problem:
            self._metrics.failed()
            self._recover(problem)
            return Answer(ring_again=rung)
        self._metrics.visited(result, time.monotonic() - started)
        self._width = narrowed(self._width, full=result.full, most=self._lanes)
        self._tell(result)
        if result.full:
            self._call_for_help()
        return Answer(
            ring_again=[self._keys.lane_bell(lane) for lane in result.more],
            leave_out=[self._keys.lane_bell(lane) for lane in result.busy],
        )

    def _tell(self, result: VisitResult) -> None:
        """After the commit, and only a hint: a waiter that hears nothing asks the database."""
        ended: list[Decided | Parked] = [*result.decided, *result.parked]
        if not ended:
            return
        began = time.time_ns()
        messages = {channel: _encode(outcomes) for channel, outcomes in self._by_channel(ended).items()}
        self._relay_waker.ring([self._keys.relay_bell], messages)
        if any(_is_due(event) for one in result.decided for event in one.events):
            self._payments_waker.ring([self._keys.payments_bell])
        told = time.time_ns()
        log_decided(ended)
        if spans.is_on():
            record_visit(result, began, told)

    def _by_channel(self, decided: Sequence[Decided | Parked]) -> dict[str, list[tuple[bytes, int, bytes]]]:
        """(command id, HTTP status, body) for each API process that waits."""
        channels: dict[str, list[tuple[bytes, int, bytes]]] = defaultdict(list)
        for one in decided:
            if one.envelope.reply_to is not None and one.outcome is not DEFERRED:
                entry = (one.envelope.id.bytes, one.outcome.http_status, one.outcome.body)
                channels[self._keys.outcome_channel(one.envelope.reply_to)].append(entry)
        return channels

    def _connected(self) -> Lanes:
        if self._visits is None:
            self._connection = connect_lane(self._settings.database_url, "holdfast lane")
            self._schema.check(self._connection)
            note = connect_lane(self._settings.database_url, "holdfast lane note")
            self._notes = LaneNotes(note, self._lane_failures.cut_off)
            self._lane_failures.cut_off = None
            self._visits = Lanes(
                self._connection,
                self._notes,
                self._settings.policy,
                initial_password_hash=_hash_of(self._settings.agent_initial_password),
                lane_failures=self._lane_failures,
                probe=self._probe,
                check=self._schema.check,
                hand_over=self._hand_over,
                traces=spans.is_on(),
            )
        return self._visits

    def _query(self) -> Connection:
        self._connected()
        assert self._connection is not None  # noqa: S101 - just connected
        return self._connection

    def _disconnect(self) -> None:
        with suppress(psycopg.Error):
            if self._connection is not None:
                self._connection.close()
            if self._notes is not None:
                self._notes.close()
        self._connection = self._notes = self._visits = None


def _is_due(event: Event) -> bool:
    """Whether the payments server can act at once; the sweep rings for what is due later."""
    if not isinstance(event, PaymentMade | PaymentChanged):
        return False
    return event.payment.due_at is not None and event.payment.due_at <= event.payment.updated_at


def narrowed(width: int, *, full: bool, most: int) -> int:
    """How many lanes the next visit may take together.

    More lanes at once make fewer small batches; full batches gain nothing by it, and would keep
    lanes from the other workers.
    """
    if full:
        return max(1, width // 2)
    return max(1, min(width * 2, most))


def _hash_of(initial_password: str | None) -> str | None:
    """Hashed once a process, before the first lane is locked: argon2 would cost a lane fifty bookings a person."""
    return None if initial_password is None else hash_shared_password(initial_password)


def log_decided(decided: Sequence[Decided | Parked]) -> None:
    """One line a command, with the ids that tie it to its request."""
    with together():
        for one in decided:
            log.info(
                "command decided",
                request_id=one.envelope.request_id,
                command_id=one.envelope.id,
                status=one.outcome.status,
                http_status=one.outcome.http_status,
                **NO_TRACE if one.envelope.traceparent is None else {"trace_id": trace_id_of(one.envelope.traceparent)},
            )
