"""Payments that are due, as the payments workers lease them, and the gate that the workers share.

A worker leases a payment, so that no transaction stays open while Stripe is asked, and no other worker asks for the
same one. A lease that ran out belongs to a worker that died: Stripe is asked again under the same idempotency key.
The report goes into the inbox in the transaction that ends the lease: lanes alone decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from math import floor
from typing import Any
from uuid import UUID, uuid4

from msgspec import Struct

from core.domain.commands import Command, CommandClass
from core.domain.payments.values import PaymentState
from core.store.connections.database import AsyncConnection, Connection
from core.store.inbox.acceptance import NewCommand, engine_command, enqueue
from core.store.inbox.partition_keys import partition_key
from core.store.payments import reconciliation
from core.store.payments.reconciliation import PaymentToReconcile, take_to_reconcile

LEASE_S = 45.0
"""Longer than all calls for one payment may take together (`core.payments.stripe`)."""
DECIDED_WITHIN_S = 60.0
"""A report that no lane has acted on by then is made again."""
PING_LEASE_S = 30.0
"""How long one try of an open circuit may take before there is another."""
UNDER_WAY_S = 120.0
"""A refund that was not answered in time is put off for so long, and at least for half of it: then it is not under way
any more when it is looked for, and is not made twice at a provider without idempotency keys."""
BURST_S = 1.0
"""The background calls of so long a time may be made at once."""
PARKED_TRIES = 10
"""After so many tries in vain, which take some minutes, a payment is parked: staff see it, and it is tried seldom."""
PARKED_S = 3600.0
"""Between two tries of a parked payment."""
PROBLEM_CHARS_MAX = 200

SQL_GATE = "SELECT clock_timestamp(), opened_at, retry_at, background_until FROM payments_gate FOR UPDATE"
SQL_PING = "UPDATE payments_gate SET retry_at = %s"
SQL_PACE = "UPDATE payments_gate SET background_until = %s"
_LOOKS = "IN ('open', 'processing', 'succeeded', 'refund_failed')"
_TAKE = """
WITH found AS (
    SELECT id, CASE WHEN lease IS NOT NULL AND tries >= %(parked_tries)s THEN 'its worker died each time' END AS problem,
           CASE WHEN state IN ('returning', 'refunding') THEN coalesce(refund_asked = refund_number, tries > 0)
                ELSE sent END AS was_asked
    FROM payment
    WHERE due_at <= %(now)s AND state {which} AND (leased_until IS NULL OR leased_until <= %(now)s)
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), until AS (
    SELECT id, problem, was_asked, CASE WHEN problem IS NULL THEN %(until)s ELSE %(parked_until)s END AS at FROM found
)
UPDATE payment p SET lease = %(lease)s, leased_until = u.at, due_at = u.at, tries = tries + 1,
       sent = sent OR state IN ('creating', 'closing'),
       refund_asked = CASE WHEN state IN ('returning', 'refunding') THEN refund_number ELSE refund_asked END, problem = coalesce(u.problem, p.problem),
       parked_at = CASE WHEN u.problem IS NULL THEN p.parked_at ELSE coalesce(p.parked_at, %(now)s) END
FROM booking b, until u
WHERE b.id = p.booking_id AND p.id = u.id
RETURNING p.id, p.booking_id, p.amount_minor, p.currency, p.state, p.intent_id, p.refunded_minor, p.returning_minor,
          p.refund_number, p.refund_id, p.lease, p.tries, p.key_number, b.resource_id, b.local_date, p.created_at,
          u.was_asked, p.parked_at IS NOT NULL, p.traceparent
"""
"""A lease that was never ended belongs to a worker that died. A payment that kills each worker is parked too.

A request to Stripe is recorded before it is sent, so the next worker that leases the payment looks there first."""
SQL_TAKE_AWAITED = _TAKE.format(which="= 'creating'")
SQL_TAKE_REFUNDS = _TAKE.format(which="IN ('returning', 'refunding')")
SQL_TAKE_LOOKS = _TAKE.format(which=_LOOKS)
SQL_TAKE_CLOSING = _TAKE.format(which="= 'closing'")
"""Each by an index of its own."""
SQL_TAKE_BACKGROUND = (SQL_TAKE_REFUNDS, SQL_TAKE_LOOKS, SQL_TAKE_CLOSING)
"""What keeps a pace, each kind first in turn: behind ten thousand refunds, a declined intent would wait a quarter of an
hour to be canceled, and its payer would get no new one until then."""
SQL_RELEASE = """
UPDATE payment SET lease = NULL, leased_until = NULL, tries = %(tries)s, key_number = %(key_number)s,
       problem = %(problem)s::text, parked_at = CASE WHEN %(problem)s::text IS NOT NULL THEN coalesce(parked_at, clock_timestamp()) END,
       due_at = CASE WHEN due_at = leased_until THEN clock_timestamp() + %(delay)s::interval ELSE due_at END
WHERE id = %(id)s AND lease = %(lease)s
"""
"""If a lane has written another `due_at` meanwhile, that one stays. No row: the lease was lost."""
SQL_ANY_DUE = f"""
SELECT CASE WHEN opened_at IS NOT NULL THEN retry_at <= clock_timestamp() ELSE EXISTS (
    SELECT FROM payment WHERE due_at <= clock_timestamp() AND state IN ('creating', 'returning', 'refunding')
    UNION ALL SELECT FROM payment WHERE due_at <= clock_timestamp() AND state {_LOOKS}
    UNION ALL SELECT FROM payment WHERE due_at <= clock_timestamp() AND state = 'closing'
    UNION ALL SELECT FROM payment WHERE {reconciliation.CHANGED}
    UNION ALL SELECT FROM payment WHERE {reconciliation.AGAIN}) END
FROM payments_gate
"""
SQL_OPEN = """
UPDATE payments_gate
SET opened_at = coalesce(opened_at, clock_timestamp()), problem = %s, failures = failures + 1,
    retry_at = clock_timestamp() + least(%s * 2 ^ failures, %s) * interval '1 second'
RETURNING failures
"""
SQL_CIRCUIT_IS_OPEN = "SELECT coalesce(retry_at > clock_timestamp(), false) FROM payments_gate"
SQL_CLOSE = f"""
WITH closed AS (
    UPDATE payments_gate SET opened_at = NULL, retry_at = NULL, failures = 0, problem = NULL
    WHERE opened_at IS NOT NULL RETURNING true
)
UPDATE payment SET due_at = clock_timestamp()
WHERE id IN (
    SELECT id FROM payment
    WHERE (SELECT true FROM closed) AND tries > 0 AND lease IS NULL AND due_at > clock_timestamp()
      AND (parked_at IS NOT NULL OR due_at <= clock_timestamp() + interval '{UNDER_WAY_S / 2} seconds')
    FOR UPDATE SKIP LOCKED)
"""
"""What was put off while Stripe was away is due at once, except refunds that may be under way there."""
OPEN_FIRST_S, OPEN_LONGEST_S = 2.0, 60.0
"""How long Stripe is left alone after the circuit opened: doubled with each failed try."""


class LeasedJobs(Struct, frozen=True):
    """What a worker is to do now."""

    jobs: list[PaymentJob]
    to_compare: Sequence[PaymentToReconcile] = ()
    """Payments to be compared with the provider's books."""
    ping: bool = False
    """The circuit is open, and it is time to ask whether Stripe is back."""


class PaymentJob(Struct, frozen=True):
    """A due payment, leased to one worker."""

    id: UUID
    booking_id: int
    amount_minor: int
    currency: str
    state: PaymentState
    intent_id: str | None
    refunded_minor: int
    """What is refunded already, by us or by a person at Stripe."""
    returning_minor: int
    """What is to be refunded now."""
    refund_number: int
    refund_id: str | None
    lease: UUID
    tries: int
    """This one included."""
    key_number: int
    resource_id: int
    local_date: date
    created_at: datetime
    was_asked: bool = False
    """Whether Stripe was asked for the same before, with an outcome that may be unknown."""
    is_parked: bool = False
    traceparent: str | None = None
    """Of the trace of the command that ordered it, if that is sampled."""

    @property
    def request_id(self) -> str:
        """All work on it is logged under this."""
        return f"payment-{self.id.hex[:12]}"


_STATE = PaymentJob.__struct_fields__.index("state")


def lease_due(
    connection: Connection, limit: int, background_per_s: float, rotation: int = 0, compare_max: int | None = None
) -> LeasedJobs:
    """Lease at most `limit` due payments: first those that people wait for, then refunds, looks and cancellations, then
    comparisons with the provider's books.

    All but the first keep a pace, so cancelling a session with ten thousand participants delays nobody who wants to
    pay. `rotation` counts calls: refunds, looks and cancellations go first in turn. At most `compare_max` payments are
    compared. While the circuit is open nothing is leased, and one worker at a time tries whether Stripe is back.
    """
    with connection.transaction():
        row = connection.execute(SQL_GATE).fetchone()
        if row is None:
            raise LookupError("There is no payments gate: run the migrate command first.")
        now, opened_at, retry_at, background_until = row
        if opened_at is not None:
            if ping := retry_at <= now:
                connection.execute(SQL_PING, (now + timedelta(seconds=PING_LEASE_S),))
            return LeasedJobs([], ping=ping)
        taken = _lease(connection, SQL_TAKE_AWAITED, limit, now)
        allowed = min(limit - len(taken), _allowed(now, background_until, background_per_s))
        paced: list[PaymentJob] = []
        first = rotation % len(SQL_TAKE_BACKGROUND)
        for statement in SQL_TAKE_BACKGROUND[first:] + SQL_TAKE_BACKGROUND[:first]:
            paced += _lease(connection, statement, allowed - len(paced), now)
        may_compare = (allowed - len(paced)) // reconciliation.CALLS
        to_compare = take_to_reconcile(
            connection, may_compare if compare_max is None else min(may_compare, compare_max), now
        )
        if calls := len(paced) + len(to_compare) * reconciliation.CALLS:
            spoken_for = max(background_until, now) + timedelta(seconds=calls / background_per_s)
            connection.execute(SQL_PACE, (spoken_for,))
        return LeasedJobs([*taken, *paced], to_compare)


def _allowed(now: datetime, background_until: datetime, background_per_s: float) -> int:
    """How many background calls the pace allows now: a generic cell rate over all workers (GCRA)."""
    free_s = (now - max(background_until, now)).total_seconds() + BURST_S
    return max(0, floor(free_s * background_per_s))


def _lease(connection: Connection, statement: str, limit: int, now: datetime) -> list[PaymentJob]:
    if limit < 1:
        return []
    parameters = {
        "lease": uuid4(),
        "now": now,
        "until": now + timedelta(seconds=LEASE_S),
        "parked_until": now + timedelta(seconds=PARKED_S),
        "parked_tries": PARKED_TRIES,
        "limit": limit,
    }
    return [_job_of(row) for row in connection.execute(statement, parameters).fetchall()]


def _job_of(row: tuple[Any, ...]) -> PaymentJob:
    values = list(row)
    values[_STATE] = PaymentState(values[_STATE])
    return PaymentJob(*values)


def report(connection: Connection, job: PaymentJob, command: Command | None) -> tuple[UUID, int] | None:
    """End the lease and send the report to the booking's lane; (command, lane), or None if nothing was sent.

    Nothing is sent if the lease was lost: the worker that has it now reports.
    """
    with connection.transaction():
        if not _release(connection, job, DECIDED_WITHIN_S if command else None, tries=0, key_number=job.key_number):
            return None
        if command is None:
            return None
        (accepted,) = enqueue(connection, [_new(job, command)])
    return accepted


def put_off(connection: Connection, job: PaymentJob, delay_s: float, *, new_key: bool) -> None:
    """End the lease without a result; the payment is tried again."""
    _release(connection, job, delay_s, tries=job.tries, key_number=job.key_number + new_key)


def park(connection: Connection, job: PaymentJob, problem: str) -> None:
    """End the lease without a result. From now on the payment is tried seldom: a person should look at it."""
    _release(connection, job, PARKED_S, tries=job.tries, key_number=job.key_number, problem=problem[:PROBLEM_CHARS_MAX])


def _release(
    connection: Connection,
    job: PaymentJob,
    delay_s: float | None,
    *,
    tries: int,
    key_number: int,
    problem: str | None = None,
) -> bool:
    parameters = {
        "id": job.id,
        "lease": job.lease,
        "delay": None if delay_s is None else timedelta(seconds=delay_s),
        "tries": tries,
        "key_number": key_number,
        "problem": problem,
    }
    return connection.execute(SQL_RELEASE, parameters).rowcount == 1


def _new(job: PaymentJob, command: Command) -> NewCommand:
    """People wait for intents. No one waits for cancellations, of which there may be very many."""
    closing = job.state is PaymentState.CLOSING
    return engine_command(
        command,
        partition_key(job.resource_id, job.local_date),
        request_id=job.request_id,
        command_class=CommandClass.EXPIRY if closing else CommandClass.INTERACTIVE,
        contract="payments",
        traceparent=job.traceparent,
    )


async def circuit_is_open(connection: AsyncConnection) -> bool:
    """Whether Stripe is left alone now. Once it is time to try again, so may everybody."""
    row = await (await connection.execute(SQL_CIRCUIT_IS_OPEN)).fetchone()
    return bool(row and row[0])


def open_circuit(connection: Connection, problem: str) -> int:
    """Leave Stripe alone for a while, longer each time; returns how often in a row."""
    row = connection.execute(SQL_OPEN, (problem, OPEN_FIRST_S, OPEN_LONGEST_S)).fetchone()
    return int(row[0]) if row else 0


def close_circuit(connection: Connection) -> None:
    connection.execute(SQL_CLOSE)


def any_due(connection: Connection) -> bool:
    row = connection.execute(SQL_ANY_DUE).fetchone()
    return bool(row and row[0])
