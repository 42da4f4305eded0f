"""Deliveries that are due, as delivery workers lease them, and what is written down of an attempt.

A receiver's row is locked while its deliveries are leased or reported. So two workers never have the same delivery, no
receiver has more than its sender allows at once, and one that hangs or is paused holds up no other. Of a receiver and
a booking only the earliest delivery that waits is leased, which keeps their order. Whoever locks several of these rows
does so in one order or skips what is locked, and locks the receiver before the delivery.

A lease that ran out belongs to a worker that died between sending and reporting: the delivery is sent again, under the
same id.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

from msgspec import Struct

from core.store.connections.database import Connection, database_now
from core.store.deliveries.values import ANSWER_CHARS_MAX, Answer, Delivery, DeliveryState, Verdict
from core.store.sql.parameters import json_of, texts_of

RECEIVERS_AT_ONCE = 50
"""Looked at in one lease."""
FAILURES_MAX = 5
"""In a row; then all that goes to the receiver pauses, and one delivery at a time tries whether it is back."""
PARKED_AT_ONCE = 500

_FREE = "due_at <= %(now)s AND (paused_until IS NULL OR paused_until <= %(now)s)"
_SETTLED = "NOT EXISTS (SELECT FROM delivery_cursor c, feed f WHERE c.sender = %(sender)s AND c.epoch <> f.epoch)"
SQL_LOCK_RECEIVERS = f"""
SELECT receiver, failures FROM delivery_receiver
WHERE sender = %(sender)s AND {_FREE} AND (failures > 0) = %(failing)s AND {_SETTLED}
ORDER BY due_at LIMIT {RECEIVERS_AT_ONCE} FOR UPDATE SKIP LOCKED
"""
"""Who waits longest is first. None while the feed has a new epoch that the planner has not seen to."""
SQL_TAKE = f"""
WITH receivers AS (
    SELECT r.receiver, r.n, CASE WHEN r.failures >= {FAILURES_MAX} THEN 1 ELSE %(at_once)s END - (
               SELECT count(*) FROM delivery l WHERE l.sender = %(sender)s AND l.receiver = r.receiver
               AND l.lease IS NOT NULL AND l.leased_until > %(now)s) AS room
    FROM ROWS FROM (json_to_recordset(%(receivers)s::json) AS (receiver text, failures integer)) WITH ORDINALITY
        AS r (receiver, failures, n)
), found AS (
    SELECT d.id FROM receivers r CROSS JOIN LATERAL (
        SELECT w.id FROM delivery w
        WHERE w.sender = %(sender)s AND w.receiver = r.receiver AND w.state = 'waiting' AND w.due_at <= %(now)s
          AND NOT EXISTS (SELECT FROM delivery e WHERE e.sender = w.sender AND e.receiver = w.receiver
                          AND e.state = 'waiting' AND e.booking_id = w.booking_id AND e.seq < w.seq)
        ORDER BY w.due_at, w.seq LIMIT greatest(r.room, 0)) AS d
    ORDER BY r.n LIMIT %(limit)s
), taken AS (
    UPDATE delivery d SET lease = %(lease)s, leased_until = %(until)s, due_at = %(until)s, attempts = attempts + 1,
           tried_since = coalesce(tried_since, %(now)s)
    FROM found WHERE d.id = found.id AND d.state = 'waiting' AND d.due_at <= %(now)s
    RETURNING d.id, d.sender, d.receiver, d.booking_id, d.type, d.epoch, d.position, d.data, d.attempts, d.tried_since,
              d.created_at, %(now)s::timestamptz, d.lease, d.seq
)
SELECT * FROM taken ORDER BY seq
"""
SQL_NEXT_LOOK = """
UPDATE delivery_receiver r
SET due_at = CASE WHEN r.receiver = ANY (SELECT json_array_elements_text(%(served)s::json)) THEN %(now)s ELSE (
        SELECT min(w.due_at) FROM delivery w
        WHERE w.sender = r.sender AND w.receiver = r.receiver AND w.state = 'waiting' AND w.due_at > %(now)s) END,
    touched_at = %(now)s
WHERE r.sender = %(sender)s AND r.receiver IN (SELECT json_array_elements_text(%(receivers)s::json))
"""
"""Who was served is looked at again, behind those that wait longer. Of the others nothing can be leased before something
comes due, a lease runs out, or a report wakes its receiver."""
SQL_LOCK_RECEIVER = """
SELECT failures, failing_since FROM delivery_receiver WHERE sender = %s AND receiver = %s FOR UPDATE
"""
SQL_DONE = """
UPDATE delivery SET state = %(state)s, due_at = NULL, lease = NULL, leased_until = NULL, answer = %(answer)s,
       done_at = clock_timestamp()
WHERE id = %(id)s AND lease = %(lease)s RETURNING attempts
"""
SQL_AGAIN = """
UPDATE delivery SET due_at = %(due_at)s, lease = NULL, leased_until = NULL, answer = %(answer)s
WHERE id = %(id)s AND lease = %(lease)s RETURNING attempts
"""
SQL_GIVE_BACK = """
UPDATE delivery SET due_at = clock_timestamp(), lease = NULL, leased_until = NULL, attempts = attempts - 1
WHERE id = %(id)s AND lease = %(lease)s RETURNING attempts
"""
SQL_ATTEMPT = """
INSERT INTO delivery_attempt (delivery_id, number, at, duration_ms, verdict, answer, detail)
VALUES (%(id)s, %(number)s, %(at)s, %(duration_ms)s, %(verdict)s, %(answer)s, %(detail)s::jsonb)
ON CONFLICT (delivery_id, number) DO NOTHING
"""
SQL_FOLLOWERS_WAIT = """
UPDATE delivery SET due_at = %(due_at)s
WHERE sender = %(sender)s AND receiver = %(receiver)s AND booking_id = %(booking_id)s AND state = 'waiting'
  AND due_at < %(due_at)s AND lease IS NULL
"""
"""What must come after it would only be looked at in vain."""
SQL_RECEIVER_ANSWERS = """
UPDATE delivery_receiver SET failures = 0, failing_since = NULL, paused_until = NULL, touched_at = clock_timestamp(),
       due_at = clock_timestamp()
WHERE sender = %(sender)s AND receiver = %(receiver)s
"""
SQL_RECEIVER_FAILS = """
UPDATE delivery_receiver SET failures = %(failures)s, failing_since = coalesce(failing_since, clock_timestamp()),
       paused_until = %(paused_until)s, touched_at = clock_timestamp(),
       due_at = coalesce(%(paused_until)s, clock_timestamp())
WHERE sender = %(sender)s AND receiver = %(receiver)s
"""
SQL_WAKE_RECEIVER = """
INSERT INTO delivery_receiver AS r (sender, receiver, due_at) VALUES (%(sender)s, %(receiver)s, clock_timestamp())
ON CONFLICT (sender, receiver) DO UPDATE SET due_at = clock_timestamp(), touched_at = clock_timestamp()
"""
SQL_PARK_ALL_OLD = f"""
UPDATE delivery SET state = 'parked', due_at = NULL, done_at = clock_timestamp(), answer = %(answer)s
WHERE id IN (
    SELECT id FROM delivery WHERE sender = %(sender)s AND receiver = %(receiver)s AND state = 'waiting'
      AND created_at < %(before)s AND (lease IS NULL OR leased_until < clock_timestamp())
    ORDER BY seq LIMIT {PARKED_AT_ONCE})
"""
"""Of a receiver that has not answered for as long as a delivery is tried: what waits behind the one that tries."""
SQL_ANY_DUE = """
SELECT EXISTS (SELECT FROM delivery_receiver
               WHERE due_at <= clock_timestamp() AND (paused_until IS NULL OR paused_until <= clock_timestamp()))
    OR EXISTS (SELECT FROM delivery_cursor c, feed f WHERE c.position <> f.last_position OR c.epoch <> f.epoch)
"""


class Attempt(Struct, frozen=True):
    """One attempt at a delivery, and how it ended."""

    delivery: Delivery
    answer: Answer
    duration_s: float


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


def lease_due(
    connection: Connection, sender: str, limit: int, at_once: int, lease_s: float, *, failing: bool = False
) -> list[Delivery]:
    """Lease at most `limit` due deliveries of a sender, at most `at_once` of them under way to each receiver.

    `failing` chooses the receivers whose last answer was a failure; they have threads of their own.
    """
    if limit < 1:
        return []
    with connection.transaction():
        now = database_now(connection)
        locked = connection.execute(SQL_LOCK_RECEIVERS, {"sender": sender, "now": now, "failing": failing}).fetchall()
        if not locked:
            return []
        parameters = {
            "sender": sender,
            "now": now,
            "receivers": json_of([{"receiver": receiver, "failures": failures} for receiver, failures in locked]),
            "at_once": at_once,
            "limit": limit,
            "lease": uuid4(),
            "until": now + timedelta(seconds=lease_s),
        }
        # a statement of its own: it sees what the locks saw
        taken = [Delivery(*row[:-1]) for row in connection.execute(SQL_TAKE, parameters).fetchall()]
        served = {one.receiver for one in taken}
        looked_at = [receiver for receiver, _ in locked]
        if len(taken) == limit:  # the others may not have been looked at
            looked_at = [receiver for receiver in looked_at if receiver in served]
        after = {"sender": sender, "now": now, "served": texts_of(served), "receivers": texts_of(looked_at)}
        connection.execute(SQL_NEXT_LOOK, after)
    return taken


def report(
    connection: Connection,
    attempt: Attempt,
    after_failure: Callable[[Failed], Next],
    also: Callable[[], None] = lambda: None,
) -> DeliveryState | None:
    """End the lease and write the attempt down; what the delivery is now, or None if the lease was lost.

    `also` is done in the same transaction.
    """
    delivery, answer = attempt.delivery, attempt.answer
    receiver = {"sender": delivery.sender, "receiver": delivery.receiver}
    with connection.transaction():
        failures, failing_since = _lock_receiver(connection, receiver)
        now = database_now(connection)
        after = Next(None)
        if answer.verdict is Verdict.AGAIN:
            failures += answer.is_receivers_fault
            after = after_failure(Failed(now, delivery.tried_since, failures, failing_since or now))
        state = _state_after(answer.verdict, after)
        if not _end_lease(connection, attempt, state, after):
            return None
        if answer.verdict is Verdict.AGAIN and answer.is_receivers_fault:
            paused = {"failures": failures, "paused_until": after.paused_until}
            connection.execute(SQL_RECEIVER_FAILS, receiver | paused)
        elif answer.verdict is Verdict.SENT:
            connection.execute(SQL_RECEIVER_ANSWERS, receiver)
        else:
            connection.execute(SQL_WAKE_RECEIVER, receiver)
        if after.due_at is not None and delivery.booking_id is not None:
            order = {"booking_id": delivery.booking_id, "due_at": after.due_at}
            connection.execute(SQL_FOLLOWERS_WAIT, receiver | order)
        if after.park_before is not None:
            old = {"before": after.park_before, "answer": _bounded(answer.words)}
            connection.execute(SQL_PARK_ALL_OLD.encode(), receiver | old)
        also()
    return state


def _lock_receiver(connection: Connection, receiver: dict[str, str]) -> tuple[int, datetime | None]:
    row = connection.execute(SQL_LOCK_RECEIVER, (receiver["sender"], receiver["receiver"])).fetchone()
    return (row[0], row[1]) if row else (0, None)


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


def _end_lease(connection: Connection, attempt: Attempt, state: DeliveryState, after: Next) -> bool:
    """And write down the attempt. False if another worker has the delivery by now."""
    delivery, answer = attempt.delivery, attempt.answer
    words = _bounded(answer.words)
    ended = {"id": delivery.id, "lease": delivery.lease, "answer": words, "state": state, "due_at": after.due_at}
    found = connection.execute(SQL_AGAIN if state is DeliveryState.WAITING else SQL_DONE, ended).fetchone()
    if found is None:
        return False
    row = {
        "id": delivery.id,
        "number": found[0],
        "at": delivery.leased_at,
        "duration_ms": round(attempt.duration_s * 1000),
        "verdict": answer.verdict,
        "answer": words,
        "detail": None if answer.detail is None else json_of(answer.detail),
    }
    connection.execute(SQL_ATTEMPT, row)
    return True


def give_back(connection: Connection, delivery: Delivery) -> None:
    """End the lease of a delivery that was not tried."""
    receiver = {"sender": delivery.sender, "receiver": delivery.receiver}
    with connection.transaction():
        _lock_receiver(connection, receiver)
        if connection.execute(SQL_GIVE_BACK, {"id": delivery.id, "lease": delivery.lease}).rowcount:
            connection.execute(SQL_WAKE_RECEIVER, receiver)


def any_due(connection: Connection) -> bool:
    """Whether a delivery worker has something to do: to send, or to plan."""
    row = connection.execute(SQL_ANY_DUE).fetchone()
    return bool(row and row[0])


def _bounded(words: str) -> str:
    return words[:ANSWER_CHARS_MAX].replace("\0", "")
