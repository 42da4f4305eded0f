"""Deliveries that are due, as delivery workers lease them: in runs, each to one worker for a time.

What waits in turn needs no index and no change when it is taken: a receiver's row says up to which `seq` its deliveries
have been taken, and they are written under that row's lock, so none comes to stand before that place later. What
failed, was put off or had to make way waits out of turn (`retry_at`). What is under way stands in `delivery_run`.

A receiver's row is locked while its deliveries are leased or reported. So two workers never have the same delivery, no
receiver has more runs than its sender allows at once, and one that hangs or is paused holds up no other. Of a receiver
and a booking nothing is taken while an earlier delivery waits or another run has one, which keeps their order. Whoever
locks several of these rows does so in one order or skips what is locked, and locks receivers before runs and deliveries.

A run whose lease ran out belongs to a worker that died: each of its deliveries is sent again, under the same id, and
its log has an attempt of which nothing is known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from msgspec import Struct

from core.store.connections.database import Connection, database_now
from core.store.deliveries.values import Delivery
from core.store.sql.parameters import array_of, json_of

RECEIVERS_AT_ONCE = 100
"""Looked at in one lease."""
FAILURES_MAX = 5
"""In a row; then all that goes to the receiver pauses, and one delivery at a time tries whether it is back."""
RUN_DELIVERIES = 32
SLOW_RUN_DELIVERIES = 4
"""To a receiver that takes seconds for each: what a run has no time for is given back, which costs."""
LOST_AT_ONCE = 50
LOST_ANSWER = "not reported: the worker was stopped meanwhile, so it may have arrived"

_FREE = "due_at <= %(now)s AND (paused_until IS NULL OR paused_until <= %(now)s)"
_SETTLED = "NOT EXISTS (SELECT FROM delivery_cursor c, feed f WHERE c.sender = %(sender)s AND c.epoch <> f.epoch)"
SQL_LOCK_FREE = f"""
SELECT receiver, failures, is_slow, taken_seq FROM delivery_receiver
WHERE sender = %(sender)s AND {_FREE} AND (failures > 0 OR is_slow) = %(failing)s AND {_SETTLED}
ORDER BY due_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
"""
"""Who waits longest is first. None while the feed has a new epoch that the planner has not seen to."""
SQL_LOCK_RECEIVERS = """
SELECT receiver, failures, failing_since, paused_until FROM delivery_receiver
WHERE sender = %(sender)s AND receiver IN (SELECT json_array_elements_text(%(receivers)s::json))
ORDER BY receiver FOR UPDATE
"""
SQL_UNDER_WAY = "SELECT receivers, bookings FROM delivery_run WHERE sender = %s"
_COLUMNS = """w.id, w.sender, w.receiver, w.booking_id, w.type, w.epoch, w.position, w.data, w.attempts + 1,
       coalesce(w.tried_since, %(now)s), w.created_at, %(now)s::timestamptz, w.seq"""
_OF_RECEIVER = "w.sender = %(sender)s AND w.receiver = r.receiver"
IN_TURN = "w.state = 'waiting' AND w.retry_at IS NULL"
_EARLIER = """EXISTS (SELECT FROM delivery e WHERE e.sender = w.sender AND e.receiver = w.receiver
                AND e.retry_at IS NOT NULL AND e.booking_id = w.booking_id AND e.seq < w.seq)"""
SQL_FIND = f"""
SELECT found.* FROM ROWS FROM (json_to_recordset(%(receivers)s::json) AS (receiver text, taken_seq bigint, room integer))
    WITH ORDINALITY AS r (receiver, taken_seq, room, n)
CROSS JOIN LATERAL (
    (SELECT {_COLUMNS}, true, false FROM delivery w
     WHERE {_OF_RECEIVER} AND w.retry_at <= %(now)s AND NOT {_EARLIER}
     ORDER BY w.retry_at, w.seq LIMIT r.room)
    UNION ALL
    (SELECT {_COLUMNS}, false, {_EARLIER} FROM delivery w
     WHERE {_OF_RECEIVER} AND w.seq > r.taken_seq AND {IN_TURN}
     ORDER BY w.seq LIMIT r.room)
) AS found ORDER BY r.n
"""
"""Of each receiver first what is out of turn, then what comes next; whether it must wait for an earlier one."""
SQL_TAKE_OUT = "UPDATE delivery SET retry_at = NULL WHERE id = ANY (%(ids)s::uuid[])"
SQL_MAKE_WAY = "UPDATE delivery SET retry_at = %(now)s WHERE id = ANY (%(ids)s::uuid[])"
SQL_BEGIN_RUNS = """
INSERT INTO delivery_run (lease, sender, leased_at, leased_until, ids, receivers, bookings)
SELECT lease, %(sender)s, %(now)s, %(until)s, ids, receivers, bookings
FROM json_to_recordset(%(runs)s::json) AS (lease uuid, ids uuid[], receivers text[], bookings bigint[])
"""
SQL_TAKEN = """
UPDATE delivery_receiver r
SET taken_seq = t.taken_seq, touched_at = %(now)s, due_at = CASE WHEN t.more THEN %(now)s ELSE (
        SELECT min(CASE WHEN w.retry_at > %(now)s THEN w.retry_at ELSE %(until)s END) FROM delivery w
        WHERE w.sender = r.sender AND w.receiver = r.receiver AND w.retry_at IS NOT NULL) END
FROM json_to_recordset(%(taken)s::json) AS t (receiver text, taken_seq bigint, more boolean)
WHERE r.sender = %(sender)s AND r.receiver = t.receiver
"""
"""A receiver of which more may be due is looked at again, behind those that wait longer; another when something is due,
or when a report wakes it. `due_at` is NULL where nothing waits beside what is under way."""
SQL_WAIT_FOR_REPORT = """
UPDATE delivery_receiver SET due_at = %(until)s
WHERE sender = %(sender)s AND receiver IN (SELECT json_array_elements_text(%(receivers)s::json))
"""
SQL_WAKE_RECEIVER = """
INSERT INTO delivery_receiver AS r (sender, receiver, due_at) VALUES (%(sender)s, %(receiver)s, clock_timestamp())
ON CONFLICT (sender, receiver) DO UPDATE SET due_at = clock_timestamp(), touched_at = clock_timestamp()
"""
SQL_LOST = """
SELECT lease, receivers FROM delivery_run WHERE sender = %s AND leased_until <= clock_timestamp() LIMIT %s
"""
SQL_END_LOST = (
    "DELETE FROM delivery_run WHERE lease = %s AND leased_until <= clock_timestamp() RETURNING ids, leased_at"
)
SQL_TAKE_BACK = """
WITH back AS (
    UPDATE delivery SET attempts = attempts + 1, due_at = clock_timestamp(), retry_at = clock_timestamp(),
           answer = %(answer)s, tried_since = coalesce(tried_since, %(at)s)
    WHERE id = ANY (%(ids)s::uuid[]) AND state = 'waiting' AND retry_at IS NULL RETURNING id, attempts
)
INSERT INTO delivery_attempt (delivery_id, number, at, duration_ms, verdict, answer)
SELECT id, attempts, %(at)s, (extract(epoch FROM clock_timestamp() - %(at)s) * 1000)::integer, 'again', %(answer)s FROM back
ON CONFLICT (delivery_id, number) DO NOTHING
"""
SQL_ANY_DUE = """
SELECT EXISTS (SELECT FROM delivery_receiver
               WHERE due_at <= clock_timestamp() AND (paused_until IS NULL OR paused_until <= clock_timestamp()))
    OR EXISTS (SELECT FROM delivery_run WHERE leased_until <= clock_timestamp())
    OR EXISTS (SELECT FROM delivery_cursor c, feed f WHERE c.position <> f.last_position OR c.epoch <> f.epoch)
"""


class RunLimits(Struct, frozen=True):
    """How a sender's deliveries are taken."""

    at_once: int = 2
    """Runs to one receiver at a time, by all workers together."""
    lease_s: float = 60.0
    deliveries: int = RUN_DELIVERIES
    """Of a run; a few more where one booking has so many."""
    mixes_receivers: bool = False
    """A run may go to several receivers, where they share their fate anyway."""


class Run(Struct, frozen=True):
    """Deliveries that one worker has, to be sent one after another."""

    lease: UUID
    sender: str
    leased_at: datetime
    deliveries: Sequence[Delivery]


class _Receiver(Struct, frozen=True):
    receiver: str
    failures: int
    is_slow: bool
    taken_seq: int


class _Found(Struct, frozen=True):
    delivery: Delivery
    is_retry: bool
    must_wait: bool


class _Busy(Struct):
    """What is under way to a receiver."""

    runs: int = 0
    bookings: set[int] = set()


class _Chosen(Struct):
    """What a lease is going to write down."""

    runs: list[list[_Found]] = []
    make_way: list[_Found] = []
    taken: list[dict[str, object]] = []


def lease_runs(
    connection: Connection, sender: str, runs: int, limits: RunLimits, *, failing: bool = False
) -> list[Run]:
    """Lease at most `runs` runs of a sender's due deliveries.

    `failing` chooses the receivers whose last answer was a failure, or slow; they have threads of their own.
    """
    if runs < 1:
        return []
    with connection.transaction():
        now = database_now(connection)
        most = min(RECEIVERS_AT_ONCE, runs * (limits.deliveries if limits.mixes_receivers else 1))
        looked_for = {"sender": sender, "now": now, "failing": failing, "most": most}
        locked = [_Receiver(*row) for row in connection.execute(SQL_LOCK_FREE, looked_for).fetchall()]
        if not locked:
            return []
        busy = _under_way(connection, sender)  # statements of their own: they see what the locks saw
        rooms = {one.receiver: _room(one, busy[one.receiver], limits, runs) for one in locked}
        found = _find(connection, sender, now, locked, rooms)
        chosen = _choose(locked, rooms, found, busy, limits, runs)
        until = now + timedelta(seconds=limits.lease_s)
        _make_wait(connection, sender, until, [name for name, room in rooms.items() if not room])
        return _write(connection, sender, now, until, chosen)


def _under_way(connection: Connection, sender: str) -> defaultdict[str, _Busy]:
    busy: defaultdict[str, _Busy] = defaultdict(_Busy)
    for receivers, bookings in connection.execute(SQL_UNDER_WAY, (sender,)).fetchall():
        for receiver in set(receivers):
            busy[receiver].runs += 1
        for receiver, booking in zip(receivers, bookings, strict=True):
            if booking is not None:
                busy[receiver].bookings.add(booking)
    return busy


def _room(one: _Receiver, busy: _Busy, limits: RunLimits, runs: int) -> int:
    """How many of its deliveries may be taken."""
    if one.failures >= FAILURES_MAX:
        return 0 if busy.runs else 1
    most = min(limits.deliveries, SLOW_RUN_DELIVERIES) if one.is_slow else limits.deliveries
    return min(max(0, limits.at_once - busy.runs), runs) * most


def _find(
    connection: Connection, sender: str, now: datetime, locked: Sequence[_Receiver], rooms: dict[str, int]
) -> defaultdict[str, list[_Found]]:
    wanted = [
        {"receiver": one.receiver, "taken_seq": one.taken_seq, "room": rooms[one.receiver]}
        for one in locked
        if rooms[one.receiver]
    ]
    found: defaultdict[str, list[_Found]] = defaultdict(list)
    if wanted:
        values = {"sender": sender, "now": now, "receivers": json_of(wanted)}
        for row in connection.execute(SQL_FIND.encode(), values).fetchall():
            one = _Found(Delivery(*row[:-2]), row[-2], row[-1])
            found[one.delivery.receiver].append(one)
    return found


def _choose(
    locked: Sequence[_Receiver],
    rooms: dict[str, int],
    found: defaultdict[str, list[_Found]],
    busy: defaultdict[str, _Busy],
    limits: RunLimits,
    runs: int,
) -> _Chosen:
    chosen = _Chosen()
    for one in locked:
        room, own_busy = rooms[one.receiver], busy[one.receiver]
        if not room:
            continue
        retries, next_ones, more = _next_of(found[one.receiver], own_busy, room, one.taken_seq)
        blocked = [f for f in next_ones if f.must_wait or f.delivery.booking_id in own_busy.bookings]
        free = [f for f in next_ones if not (f.must_wait or f.delivery.booking_id in own_busy.bookings)]
        if not _add_runs(chosen.runs, [*retries, *free], one, own_busy, limits, runs):
            break  # no thread is free for it
        chosen.make_way += blocked
        last = max([one.taken_seq, *(f.delivery.seq for f in (*next_ones, *retries))])
        chosen.taken.append({"receiver": one.receiver, "taken_seq": last, "more": more})
    return chosen


def _next_of(
    found: Sequence[_Found], busy: _Busy, room: int, taken_seq: int
) -> tuple[list[_Found], list[_Found], bool]:
    """What is out of turn, what comes next, and whether there may be more.

    What waits out of turn among those that were never taken waits until its place is passed: behind it `taken_seq`
    could not tell it from those.
    """
    retries = [f for f in found if f.is_retry and f.delivery.booking_id not in busy.bookings]
    in_turn = sorted((f for f in found if not f.is_retry), key=lambda f: f.delivery.seq)
    next_ones = in_turn[: max(0, room - len(retries))]
    more = len(retries) >= room or len(in_turn) > len(next_ones) or len(in_turn) >= room
    if len(in_turn) > len(next_ones) or len(in_turn) >= room:
        passed = next_ones[-1].delivery.seq if next_ones else taken_seq
        retries = [f for f in retries if f.delivery.seq <= passed]
    return retries, next_ones, more


def _add_runs(
    made: list[list[_Found]], free: list[_Found], one: _Receiver, busy: _Busy, limits: RunLimits, most: int
) -> bool:
    """False if there is no run left for them."""
    if not free:
        return True
    if limits.mixes_receivers:
        if not made or len(made[-1]) >= limits.deliveries:
            if len(made) >= most:
                return False
            made.append([])
        made[-1].extend(free)
        return True
    left = min(limits.at_once - busy.runs, most - len(made), len(free))
    if left < 1:
        return False
    wanted = left if one.is_slow else -(-len(free) // limits.deliveries)
    made.extend(_spread(free, min(left, wanted)))
    return True


def _spread(free: Iterable[_Found], number: int) -> list[list[_Found]]:
    """Over so many runs; those of one booking stay in one, in their order."""
    made: list[list[_Found]] = [[] for _ in range(number)]
    homes: dict[int, list[_Found]] = {}
    for one in free:
        booking = one.delivery.booking_id
        home = min(made, key=len) if booking is None else homes.setdefault(booking, min(made, key=len))
        home.append(one)
    return [run for run in made if run]


def _make_wait(connection: Connection, sender: str, until: datetime, receivers: Sequence[str]) -> None:
    """Those that have as much under way as they may: a report wakes them, or the end of a lease."""
    if receivers:
        connection.execute(SQL_WAIT_FOR_REPORT, {"sender": sender, "until": until, "receivers": json_of(receivers)})


def _write(connection: Connection, sender: str, now: datetime, until: datetime, chosen: _Chosen) -> list[Run]:
    runs = [Run(uuid4(), sender, now, [f.delivery for f in some]) for some in chosen.runs]
    if retried := [f.delivery.id for some in chosen.runs for f in some if f.is_retry]:
        connection.execute(SQL_TAKE_OUT, {"ids": array_of(retried)})
    if chosen.make_way:
        connection.execute(SQL_MAKE_WAY, {"now": now, "ids": array_of(f.delivery.id for f in chosen.make_way)})
    if runs:
        values = {"sender": sender, "now": now, "until": until, "runs": json_of([_row(run) for run in runs])}
        connection.execute(SQL_BEGIN_RUNS, values)
    if chosen.taken:
        values = {"sender": sender, "now": now, "until": until, "taken": json_of(chosen.taken)}
        connection.execute(SQL_TAKEN, values)
    return runs


def _row(run: Run) -> dict[str, object]:
    return {
        "lease": run.lease,
        "ids": [one.id for one in run.deliveries],
        "receivers": [one.receiver for one in run.deliveries],
        "bookings": [one.booking_id for one in run.deliveries],
    }


def take_back_lost(connection: Connection, sender: str) -> int:
    """Let the deliveries of runs whose worker died be sent again; how many runs there were."""
    lost = connection.execute(SQL_LOST, (sender, LOST_AT_ONCE)).fetchall()
    for lease, receivers in lost:
        with connection.transaction():
            connection.execute(SQL_LOCK_RECEIVERS, {"sender": sender, "receivers": json_of(sorted(set(receivers)))})
            ended = connection.execute(SQL_END_LOST, (lease,)).fetchone()
            if ended is None:
                continue  # it was reported, or another worker was quicker
            connection.execute(SQL_TAKE_BACK, {"ids": array_of(ended[0]), "at": ended[1], "answer": LOST_ANSWER})
            for receiver in sorted(set(receivers)):
                connection.execute(SQL_WAKE_RECEIVER, {"sender": sender, "receiver": receiver})
    return len(lost)


def any_due(connection: Connection) -> bool:
    """Whether a delivery worker has something to do: to send, or to plan."""
    row = connection.execute(SQL_ANY_DUE).fetchone()
    return bool(row and row[0])
