"""The final checks: each accepted command decided and told once, nothing booked twice, the money right."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

from msgspec import Struct
from psycopg.rows import dict_row

from tests.support.clients.callers import execute
from tests.support.payments.ledger import OVER, assert_the_books_balance
from tests.support.payments.payer import StripeServer
from tests.support.wait import wait_until
from tests.upgrade.fleet import Fleet
from tests.upgrade.follower import Follower
from tests.upgrade.traffic import Traffic

SETTLED_WITHIN_S = 60.0
RELOADS_MAX = 1
"""0460132 did not record its feed's origin. The next release cannot tell its database from one that was restored from
a dump, and makes every client reload once."""

SQL_SAID = """
WITH said (id) AS (SELECT unnest(%(ids)s::uuid[])),
     ended AS (SELECT said.id, (SELECT count(*) FROM outcome o WHERE o.id = said.id) AS outcomes,
                      (SELECT count(*) FROM event e WHERE e.command_id = said.id AND e.is_final) AS told
               FROM said)
SELECT count(*) AS accepted, count(*) FILTER (WHERE outcomes = 0) AS undecided,
       count(*) FILTER (WHERE outcomes > 1) AS decided_twice, count(*) FILTER (WHERE told <> 1) AS not_told_once
FROM ended
"""
SQL_ALL = """
WITH asked AS (SELECT o.id, o.seq, o.http_status, o.decided_at, o.body->>'date' AS date, o.body->>'time' AS time
               FROM outcome o WHERE o.type = 'place' AND o.bulk_id IS NULL),
     decided AS (SELECT http_status, row_number() OVER (PARTITION BY date, time ORDER BY decided_at, seq) AS place
                 FROM asked),
     ordered AS (SELECT decided_at, lag(decided_at) OVER (PARTITION BY date, time ORDER BY seq) AS before
                 FROM asked WHERE id = ANY(%(agent)s::uuid[]))
SELECT (SELECT count(*) FROM outcome WHERE status = 'failed')
       + (SELECT count(*) FROM payment WHERE parked_at IS NOT NULL) AS parked,
       (SELECT count(*) FROM inbox WHERE type <> 'canary') AS left,
       (SELECT count(*) FROM claim a JOIN claim b
        ON a.id < b.id AND a.resource_id = b.resource_id AND a.during && b.during) AS double_bookings,
       (SELECT count(*) FROM decided WHERE (place = 1) <> (http_status = 201))
       + (SELECT count(*) FROM ordered WHERE decided_at < before) AS out_of_order,
       (SELECT count(*) FROM bulk b WHERE NOT EXISTS (SELECT FROM outcome o WHERE o.bulk_id = b.id)) AS empty_bulks
"""
SQL_LAPSE = "UPDATE booking SET hold_expires_at = clock_timestamp() - %s WHERE status = 'held'"
SQL_OPEN = """
SELECT (SELECT count(*) FROM payment WHERE NOT state = ANY(%s)) + (SELECT count(*) FROM booking WHERE status = 'held')
       + (SELECT count(*) FROM inbox WHERE type <> 'canary')
"""


class Books(Struct, frozen=True):
    """Of one run. Commands count once their client has heard that they are accepted."""

    accepted: int
    undecided: int
    decided_twice: int
    not_told_once: int
    parked: int
    """Commands of anybody, payments of anybody."""
    left: int
    double_bookings: int
    out_of_order: int
    empty_bulks: int
    holes: int
    """Messages that a follower should have heard and did not, or heard twice, or out of order."""
    reloads: int
    """How often a follower was told to reload, at most."""
    bookings_paid: int

    @property
    def problems(self) -> dict[str, int]:
        allowed = {"accepted": self.accepted, "bookings_paid": self.bookings_paid, "reloads": RELOADS_MAX}
        about = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: number for name, number in about.items() if number > allowed.get(name, 0)}

    def __str__(self) -> str:
        return f"{self.accepted} accepted and decided once, {self.bookings_paid} paid for" + (
            f"; OFF: {self.problems}" if self.problems else ""
        )


def balance(fleet: Fleet, stripe: StripeServer, traffic: Traffic) -> Books:
    """Once the traffic has stopped. Raises AssertionError if the money does not add up."""
    _settle(fleet)
    paid, _, _ = assert_the_books_balance(fleet, stripe)
    accepted = traffic.journal.accepted
    agent = [id_ for id_, kind in accepted.items() if kind == "agent"]
    with fleet.database() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        said = cursor.execute(SQL_SAID, {"ids": list(accepted)}).fetchone()
        everything = cursor.execute(SQL_ALL, {"agent": agent}).fetchone()
    assert said is not None
    assert everything is not None
    return Books(
        **said,
        **everything,
        holes=sum(holes(fleet, follower) for follower in traffic.followers),
        reloads=max(len(follower.reloads()) for follower in traffic.followers),
        bookings_paid=paid,
    )


def _settle(fleet: Fleet) -> None:
    """Holds that nobody will pay any more lapse; then everything under way comes to its end."""

    def settled() -> bool:
        execute(fleet, SQL_LAPSE, timedelta(seconds=1))
        return execute(fleet, SQL_OPEN, list(OVER)) == [(0,)]

    wait_until(settled, "every payment is settled and every command decided", SETTLED_WITHIN_S)


def holes(fleet: Fleet, follower: Follower) -> int:
    """How far what it heard is from what it should have heard, up to where it is."""
    told = [int(row[0]) for row in execute(fleet, f"{follower.words.positions} ORDER BY 1")]
    first = min(follower.positions(), default=0)
    anew = follower.reloads()
    wanted = [
        number
        for number in told
        if first <= number <= follower.position and not any(last < number <= on for last, on in anew)
    ]
    heard = follower.positions()
    wrong = Counter(wanted)
    wrong.subtract(Counter(heard))
    return sum(map(abs, wrong.values())) + sum(b < a for a, b in pairwise(heard))
