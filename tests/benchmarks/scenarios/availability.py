"""The scenario `availability`: when 50 practitioners can be booked in a month, and one on a day, in a busy marketplace."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from msgspec import Struct

from core.store.connections.database import connect_lane
from tests.benchmarks.report import print_bars, write_result
from tests.benchmarks.request_timing import NO_OP, ROUNDS, STAFF, Question, RequestTimer, bar_of, measure, table
from tests.benchmarks.stack import Say, serving
from tests.benchmarks.tables.market import FIRST, PRACTITIONERS_A_SERVICE, MarketSize
from tests.benchmarks.tables.market_tables import fill_market
from tests.support.clients.callers import USER, access_for

MONTH_AT_MOST_MS = 300.0
DAY_AT_MOST_MS = 15.0
DAYS = 31
MANY, ONE = "/api/v1/drf/availability/", "/api/v1/drf/bookings/check-availability/"
ZONE = "America/New_York"
"""The viewer's; half of the practitioners live in Berlin."""
SQL_TAKEN = """
SELECT count(c.booking_id), count(c.closure_id), count(c.session_id)
FROM claim c JOIN practitioner p USING (resource_id) JOIN service_practitioner g ON g.practitioner_id = p.id
WHERE g.service_id = %s AND c.during && tstzrange(%s, %s)
"""


class Busy(Struct, frozen=True):
    """What stands in the way in the month, and what is left."""

    bookings: int
    days_off: int
    workshops: int
    on_offer: int


def run(say: Say) -> bool:
    """Build, measure, print; True if both medians are within their bars."""
    size = MarketSize()
    first = datetime.now(UTC).date() + timedelta(days=1)
    month, day = questions(first)
    with serving(say, lambda url: fill_market(url, say, size)) as stack:
        say(f"measuring, {ROUNDS} rounds")
        with RequestTimer(stack.api_url, {STAFF: access_for(stack, USER)}) as asker:
            found = measure(asker, [NO_OP, month, day])
            busy = _busy(stack.database_url, first, asker.ask(month))
    print(
        f"\n{size.bookings:,} bookings; {PRACTITIONERS_A_SERVICE} practitioners over {DAYS} days have {busy.bookings:,} bookings, "
        f"{busy.workshops:,} workshops and {busy.days_off:,} times off, and {busy.on_offer:,} sessions on offer\n"
    )
    print(table(found))
    bars = [
        bar_of(f"{month.what} within {MONTH_AT_MOST_MS:g} ms at the median", found[1:2], MONTH_AT_MOST_MS),
        bar_of(f"{day.what} within {DAY_AT_MOST_MS:g} ms at the median", found[2:], DAY_AT_MOST_MS),
    ]
    met = print_bars(bars)
    result: dict[str, Any] = {"size": size, "busy": busy, "answers": found, "bars": bars}
    say(f"written to {write_result('availability', result)}")
    return met


def questions(first: date) -> Sequence[Question]:
    """The month of all who give a service, and the first working day in it of one of them."""
    workday = first + timedelta(days=max(0, 7 - first.weekday()) if first.weekday() > 3 else 0)
    many = {"service_id": FIRST, "start_date": first.isoformat(), "days": DAYS, "timezone": ZONE}
    one = {"practitioner_id": FIRST + 1, "service_id": FIRST, "date": workday.isoformat(), "timezone": ZONE}
    return (
        Question(f"{PRACTITIONERS_A_SERVICE} practitioners over {DAYS} days", MANY, body=many),
        Question("one practitioner's day", ONE, body=one),
    )


def _busy(database_url: str, first: date, answer: dict[str, Any]) -> Busy:
    with connect_lane(database_url, "holdfast bench") as connection:
        taken = connection.execute(SQL_TAKEN, (FIRST, first, first + timedelta(days=DAYS))).fetchone()
    assert taken is not None
    bookings, days_off, workshops = taken
    return Busy(bookings, days_off, workshops, sum(len(one["starts"]) for one in answer["practitioners"]))
