"""`kill -9` in the middle of a drain: every hold that ran out is ended once, and so is its payment."""

from __future__ import annotations

from ops.processes import BEAT, LANES, SWEEPS
from tests.benchmarks.tables.holds import PAYING_EVERY, SQL_BEGIN, insert_lapsing_holds
from tests.conftest import FreshStack
from tests.support.clients.callers import execute
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

HOLDS = 8_000
WITHIN_S = 60.0
SQL_LEFT = "SELECT count(*) FROM booking WHERE id BETWEEN %s AND %s AND status = 'held'"
SQL_ENDS = """
SELECT count(*) FILTER (WHERE status = 'expired' AND version = 2),
       (SELECT count(*) FROM claim WHERE booking_id BETWEEN %(first)s AND %(last)s),
       (SELECT count(*) FROM payment WHERE booking_id BETWEEN %(first)s AND %(last)s AND state = 'closing'),
       (SELECT count(*) FROM inbox WHERE awaits IS NULL AND type = 'expire_due'),
       (SELECT count(*) FROM outcome WHERE status = 'failed')
FROM booking WHERE id BETWEEN %(first)s AND %(last)s
"""
SQL_TOLD = """
SELECT type, count(*), count(DISTINCT booking_id) FROM event
WHERE booking_id BETWEEN %(first)s AND %(last)s GROUP BY type ORDER BY type
"""


def test_a_drain_whose_workers_are_killed_twice_loses_no_hold_and_ends_none_twice(fresh_stack: FreshStack) -> None:
    stack = fresh_stack(processes=(LANES, SWEEPS, BEAT), lanes=2, wait=False)
    victims = [*LANES.instances(), *SWEEPS.instances()]
    first = insert_lapsing_holds(stack.database_url, HOLDS)
    books = {"first": first, "last": first + HOLDS - 1}
    with stack.database() as connection:
        connection.execute(SQL_BEGIN, (0, first, 0, *books.values()))
    for most_left in (HOLDS * 4 // 5, HOLDS * 2 // 5):
        wait_until(lambda: left(stack, books) <= most_left, f"{most_left} holds are left", WITHIN_S)  # noqa: B023
        for name in victims:
            stack.process(name).kill()
        assert left(stack, books) > 0, "the kill came too late to prove anything"
        for name in victims:
            stack.process(name).start(wait=False)
    wait_until(lambda: left(stack, books) == 0, "every hold has ended", WITHIN_S)
    with stack.database() as connection:
        assert connection.execute(SQL_ENDS, books).fetchone() == (HOLDS, 0, HOLDS // PAYING_EVERY, 0, 0)
        told = connection.execute(SQL_TOLD, books).fetchall()
    assert told == [
        ("booking_updated", HOLDS, HOLDS),
        ("payment_updated", HOLDS // PAYING_EVERY, HOLDS // PAYING_EVERY),
    ]


def left(stack: Stack, books: dict[str, int]) -> int:
    ((count,),) = execute(stack, SQL_LEFT, *books.values())
    return int(count)
