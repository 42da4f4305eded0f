"""What is written down of a run: how each attempt ended, and what its receiver's row says afterwards.

A delivery that was sent at an attempt keeps that attempt in its own row, changed in place; all others get a row of their
own in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from core.store.connections.database import Connection, database_now
from core.store.deliveries.leases import IN_TURN, SQL_LOCK_RECEIVERS, Run
from core.store.deliveries.values import ANSWER_CHARS_MAX, Answer, Delivery, DeliveryState, Verdict
from core.store.sql.parameters import json_of

PARKED_AT_ONCE = 500
DISABLED_AT_ONCE = 10_000
SLOW_S = 1.0
"""A receiver that takes longer shares the threads of those that fail."""

SQL_END_RUN = "DELETE FROM delivery_run WHERE lease = %s"
SQL_END = """
UPDATE delivery d
SET state = e.state, attempts = e.attempts, answer = e.answer, due_at = e.due_at, retry_at = e.due_at,
    tried_since = CASE WHEN e.state = 'sent' THEN d.tried_since ELSE e.tried_since END,
    done_at = CASE WHEN e.state <> 'waiting' THEN %(now)s END, parked_at = CASE WHEN e.state = 'parked' THEN %(now)s END,
    tried_at = CASE WHEN e.state = 'sent' THEN e.at END, duration_ms = CASE WHEN e.state = 'sent' THEN e.duration_ms END,
    detail = CASE WHEN e.state = 'sent' THEN e.detail END
FROM json_to_recordset(%(ended)s::json) AS e (
    id uuid, state text, attempts integer, answer text, due_at timestamptz, tried_since timestamptz, at timestamptz,
    duration_ms integer, detail jsonb)
WHERE d.id = e.id
"""
SQL_ATTEMPTS = """
INSERT INTO delivery_attempt (delivery_id, number, at, duration_ms, verdict, answer, detail)
SELECT id, attempts, at, duration_ms, verdict, answer, detail FROM json_to_recordset(%(ended)s::json) AS e (
    id uuid, attempts integer, at timestamptz, duration_ms integer, verdict text, answer text, detail jsonb)
ON CONFLICT (delivery_id, number) DO NOTHING
"""
SQL_GIVE_BACK = """
UPDATE delivery d SET due_at = b.due_at, retry_at = b.due_at
FROM json_to_recordset(%(back)s::json) AS b (id uuid, due_at timestamptz) WHERE d.id = b.id
"""
SQL_RECEIVERS = """
UPDATE delivery_receiver r
SET failures = a.failures, failing_since = a.failing_since, paused_until = a.paused_until, is_slow = a.is_slow,
    touched_at = %(now)s, due_at = CASE WHEN a.paused_until > %(now)s THEN a.paused_until
                                        WHEN r.due_at IS NULL THEN a.due_at ELSE %(now)s END
FROM json_to_recordset(%(after)s::json) AS a (
    receiver text, failures integer, failing_since timestamptz, paused_until timestamptz, is_slow boolean,
    due_at timestamptz)
WHERE r.sender = %(sender)s AND r.receiver = a.receiver
"""
"""Where something waited, it may go now; where nothing did, there is nothing to look for but what comes back of the run."""
_WAITS = f"""
SELECT id, seq FROM (
    (SELECT w.id, w.seq FROM delivery w WHERE w.sender = %(sender)s AND w.receiver = %(receiver)s
       AND w.seq > (SELECT taken_seq FROM delivery_receiver WHERE sender = %(sender)s AND receiver = %(receiver)s)
       AND {IN_TURN} AND (%(before)s::timestamptz IS NULL OR w.created_at < %(before)s) ORDER BY w.seq LIMIT %(most)s)
    UNION ALL
    (SELECT w.id, w.seq FROM delivery w WHERE w.sender = %(sender)s AND w.receiver = %(receiver)s
       AND w.retry_at IS NOT NULL AND (%(before)s::timestamptz IS NULL OR w.created_at < %(before)s)
     ORDER BY w.seq LIMIT %(most)s)
) AS waiting
ORDER BY seq LIMIT %(most)s"""
SQL_PARK_WAITING = f"""
UPDATE delivery SET state = 'parked', due_at = NULL, retry_at = NULL, done_at = clock_timestamp(),
       parked_at = clock_timestamp(), answer = %(answer)s
WHERE id IN (SELECT id FROM ({_WAITS}) AS old)
"""


class Attempt(Struct, frozen=True):
    """One attempt at a delivery, and how it ended."""

    delivery: Delivery
    answer: Answer
    duration_s: float
    at: datetime | None = None
    """When it began; None: with its lease."""


class Failed(Struct, frozen=True):
    """A failure, as whoever decides what comes next must know it."""

    now: datetime
    tried_since: datetime
    failures: int
    """Of the receiver in a row, this one included."""
    failing_since: datetime
    """Of the receiver."""


class Next(Struct, frozen=True):
    """What comes after a failure."""

    due_at: datetime | None
    """None: it was tried long enough, and is parked."""
    paused_until: datetime | None = None
    """None: others may go to the receiver."""
    park_before: datetime | None = None
    """The receiver failed for so long that what was planned before then is parked too."""


class Ended(Struct, frozen=True):
    """An attempt with what the delivery is afterwards."""

    attempt: Attempt
    state: DeliveryState
    after: Next


class _Receiver(Struct):
    """A receiver's row as it becomes while its answers are gone through."""

    failures: int
    failing_since: datetime | None
    paused_until: datetime | None = None
    is_slow: bool = False
    due_at: datetime | None = None
    """The earliest of what comes back of this run."""
    park_before: datetime | None = None
    words: str = ""

    def comes_back(self, at: datetime) -> None:
        self.due_at = at if self.due_at is None else min(self.due_at, at)


def report(
    connection: Connection,
    run: Run,
    attempts: Sequence[Attempt],
    after_failure: Callable[[Answer, Failed], Next],
    also: Callable[[Ended], None] = lambda _: None,
) -> list[Ended] | None:
    """End a run: write its attempts down in their order, and give back what was not tried. None if its lease was lost.

    `also` is done in the same transaction.
    """
    with connection.transaction():
        rows = _lock_receivers(connection, run)
        if not connection.execute(SQL_END_RUN, (run.lease,)).rowcount:
            return None
        now = database_now(connection)
        ended = [_end(rows[one.delivery.receiver], one, now, after_failure) for one in attempts]
        if ended:
            _write(connection, ended, now)
        _give_back(connection, run, ended, rows, now)
        _write_receivers(connection, run.sender, rows, now)
        for one in ended:
            also(one)
    return ended


def _lock_receivers(connection: Connection, run: Run) -> dict[str, _Receiver]:
    names = sorted({one.receiver for one in run.deliveries})
    values = {"sender": run.sender, "receivers": json_of(names)}
    found = connection.execute(SQL_LOCK_RECEIVERS, values).fetchall()
    rows = {receiver: _Receiver(failures, since, paused) for receiver, failures, since, paused in found}
    return {name: rows.get(name) or _Receiver(0, None) for name in names}


def _end(row: _Receiver, one: Attempt, now: datetime, after_failure: Callable[[Answer, Failed], Next]) -> Ended:
    answer, after = one.answer, Next(None)
    row.is_slow = row.is_slow or one.duration_s > SLOW_S
    if answer.verdict is Verdict.SENT:
        row.failures, row.failing_since, row.paused_until = 0, None, None
    elif answer.verdict is Verdict.AGAIN:
        row.failures += answer.is_receivers_fault
        after = after_failure(answer, Failed(now, one.delivery.tried_since, row.failures, row.failing_since or now))
        if answer.is_receivers_fault:
            row.failing_since, row.paused_until = row.failing_since or now, after.paused_until
        if after.park_before is not None:
            row.park_before, row.words = after.park_before, answer.words
    if after.due_at is not None:
        row.comes_back(after.due_at)
    return Ended(one, _state_after(answer.verdict, after), after)


def _state_after(verdict: Verdict, after: Next) -> DeliveryState:
    match verdict:
        case Verdict.SENT:
            return DeliveryState.SENT
        case Verdict.DROPPED:
            return DeliveryState.DROPPED
        case Verdict.NEVER:
            return DeliveryState.PARKED
        case Verdict.AGAIN:
            return DeliveryState.PARKED if after.due_at is None else DeliveryState.WAITING


def _write(connection: Connection, ended: Sequence[Ended], now: datetime) -> None:
    rows = [_row(one) for one in ended]
    connection.execute(SQL_END.encode(), {"now": now, "ended": json_of(rows)})
    if failed := [row for row in rows if row["state"] != DeliveryState.SENT]:
        connection.execute(SQL_ATTEMPTS, {"ended": json_of(failed)})


def _row(one: Ended) -> dict[str, Any]:
    delivery, answer = one.attempt.delivery, one.attempt.answer
    return {
        "id": delivery.id,
        "state": one.state,
        "attempts": delivery.attempts,
        "answer": bounded(answer.words),
        "due_at": one.after.due_at,
        "tried_since": delivery.tried_since,
        "at": one.attempt.at or delivery.leased_at,
        "duration_ms": round(one.attempt.duration_s * 1000),
        "verdict": answer.verdict,
        "detail": answer.detail,
    }


def _give_back(
    connection: Connection, run: Run, ended: Sequence[Ended], rows: dict[str, _Receiver], now: datetime
) -> None:
    """Uncounted. What must come after one that failed waits as long as that."""
    tried = {one.attempt.delivery.id for one in ended}
    heads: dict[tuple[str, int | None], datetime] = {
        (one.attempt.delivery.receiver, one.attempt.delivery.booking_id): one.after.due_at
        for one in ended
        if one.after.due_at is not None and one.attempt.delivery.booking_id is not None
    }
    back = []
    for one in run.deliveries:
        if one.id not in tried:
            due_at = heads.get((one.receiver, one.booking_id), now)
            rows[one.receiver].comes_back(due_at)
            back.append({"id": one.id, "due_at": due_at})
    if back:
        connection.execute(SQL_GIVE_BACK, {"back": json_of(back)})


def _write_receivers(connection: Connection, sender: str, rows: dict[str, _Receiver], now: datetime) -> None:
    after = [
        {
            "receiver": name,
            "failures": one.failures,
            "failing_since": one.failing_since,
            "paused_until": one.paused_until,
            "is_slow": one.is_slow,
            "due_at": one.due_at,
        }
        for name, one in rows.items()
    ]
    connection.execute(SQL_RECEIVERS, {"sender": sender, "now": now, "after": json_of(after)})
    for name, one in rows.items():
        if one.park_before is not None:
            park_waiting(connection, sender, name, one.words, before=one.park_before, most=PARKED_AT_ONCE)


def park_waiting(
    connection: Connection,
    sender: str,
    receiver: str,
    answer: str,
    *,
    before: datetime | None = None,
    most: int = DISABLED_AT_ONCE,
) -> int:
    """Park what waits for a receiver, or what was planned before a time; how many. What is under way stays so."""
    values = {"sender": sender, "receiver": receiver, "answer": bounded(answer), "before": before, "most": most}
    return connection.execute(SQL_PARK_WAITING.encode(), values).rowcount


def bounded(words: str) -> str:
    return words[:ANSWER_CHARS_MAX].replace("\0", "")
