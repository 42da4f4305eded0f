"""The scenario `lists`: every list, summary and month of the admin desk on big tables, beside the no-op route."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.benchmarks.report import print_bars, write_result
from tests.benchmarks.request_timing import (
    NO_OP,
    REQUESTS,
    ROUNDS,
    STAFF,
    Question,
    RequestTimer,
    bar_of,
    measure,
    table,
)
from tests.benchmarks.stack import Say, serving
from tests.benchmarks.tables.big_tables import COMMON_SERVICE, FIRST_ID, FIRST_USER, Size, fill
from tests.benchmarks.tables.market import FIRST, RARE_WORD, MarketSize
from tests.benchmarks.tables.market_tables import fill_market
from tests.benchmarks.tables.seed import access_token
from tests.support.clients.callers import PRACTITIONER, USER, access_for
from tests.support.clients.callers import STAFF as STAFF_ID

P50_AT_MOST_MS = 50.0
MARKET = "/api/v1/drf/bookings/"
BY_PRACTITIONER, CLIENT = "practitioner", "client"


def questions() -> list[Question]:
    """What staff ask, from everything to almost nothing; the days are where the bookings are."""
    now = datetime.now(UTC)
    today, soon = now.date().isoformat(), (now + timedelta(days=40)).date()
    bookings, reserved, people = "/api/admin/bookings/", "/api/reservations/reserved_slots/", "/api/admin/users/"
    month = f"year={soon.year}&month={soon.month}"
    return [
        NO_OP,
        Question("bookings", bookings),
        Question("bookings, 500 of them", f"{bookings}?limit=500"),
        Question("bookings, far down", f"{bookings}?offset=9950"),
        Question("bookings, in the middle", f"{bookings}?offset=500000"),
        Question("bookings by status, many", f"{bookings}?status=completed"),
        Question("bookings by status, few", f"{bookings}?status=cancelled"),
        Question("bookings by date", f"{bookings}?date={today}"),
        Question("bookings by date and status", f"{bookings}?date={today}&status=cancelled"),
        Question("bookings by service, half of all", f"{bookings}?service={COMMON_SERVICE}"),
        Question("bookings by service, few", f"{bookings}?service=bench service 42"),
        Question("bookings by service and status", f"{bookings}?service={COMMON_SERVICE}&status=cancelled"),
        Question("bookings by service and date", f"{bookings}?service={COMMON_SERVICE}&date={today}"),
        Question("bookings of nobody's service", f"{bookings}?service=none of these"),
        Question("bookings by user, busy", f"{bookings}?user=person0"),
        Question("bookings by user, busy, and status", f"{bookings}?user=person0&status=cancelled"),
        Question("bookings by user", f"{bookings}?user=person777"),
        Question("bookings by category", f"{bookings}?category=2"),
        Question("bookings by all of them", f"{bookings}?user=person0&date={today}&service=bench service 0&status=upcoming"),
        Question("statistics", f"{bookings}stats/"),
        Question("details", f"{bookings}{FIRST_ID + 500_000}/"),
        Question("month calendar", f"/api/booking/calendar/?{month}"),
        Question("slots", f"/api/booking/smart-available-slots/?date={soon}"),
        Question("reserved slots", reserved),
        Question("reserved slots by date", f"{reserved}?date={today}"),
        Question("reserved slots by service, half of all", f"{reserved}?service={COMMON_SERVICE}"),
        Question("reserved slots by service, few", f"{reserved}?service=bench service 42"),
        Question("services", "/api/services/"),
        Question("users", people),
        Question("users, sorted by name", f"{people}?sort_by=last_name&sort_order=asc"),
        Question("users, sorted by email, far down", f"{people}?sort_by=email&sort_order=desc&offset=9950"),
        Question("users, the document's filters", f"{people}?gender=male&country=Egypt&is_active=true&sort_by=date_joined&sort_order=desc&limit=10"),
        Question("users who joined in a month", f"{people}?date_joined_from=2024-06-01&date_joined_to=2024-06-30"),
        Question("users, searched, one", f"{people}?search=person77777"),
        Question("users, searched, many", f"{people}?search=person"),
        Question("users, searched, nobody", f"{people}?search=zzzzzz"),
        Question("user statistics", f"{people}stats/"),
        Question("user filter options", f"{people}filter-options/"),
        Question("user details", f"{people}{FIRST_USER + 5}/"),
    ]  # fmt: skip


def market_questions() -> list[Question]:
    """What staff, a busy practitioner and a busy client ask of a marketplace: each filter, search, order and page."""
    now = datetime.now(UTC).date()
    day, week = (now + timedelta(days=3)).isoformat(), (now + timedelta(days=10)).isoformat()
    filters = {
        "all": "",
        "completed": "status=completed",
        "confirmed or unpaid": "status=confirmed&status=pending_payment",
        "missed": "status=no_show",
        "paid": "payment_status=paid",
        "failed": "payment_status=failed",
        "of a practitioner": f"practitioner_id={FIRST + 10}",
        "of a service": f"service_id={FIRST + 3}",
        "workshops": "booking_type=group",
        "of a day": f"start_date={day}&end_date={(now + timedelta(days=4)).isoformat()}",
        "of a week": f"start_date={day}&end_date={week}",
        "to come": "is_upcoming=true",
        "the document's": "status=confirmed&is_upcoming=true&ordering=-start_time",
        "search, many": "search=session",
        "search, some": "search=case77",
        "search, few": f"search={RARE_WORD}",
        "search, nobody": "search=zzzzqq",
        "search, a practitioner": "search=last42",
    }
    orders = ("start_time", "created_at", "-created_at", "price_charged_cents", "-price_charged_cents")
    asked = [(what, f"{MARKET}?{query}") for what, query in filters.items()]
    asked += [
        (f"{what}, by {order}", f"{MARKET}?{query}&ordering={order}")
        for what, query in filters.items()
        for order in orders
        if "ordering" not in query
    ]
    asked += [
        (f"all, page {page}", f"{MARKET}?page={page}&page_size={size}") for page, size in ((500, 20), (5000, 100))
    ]
    return [
        NO_OP,
        *(Question(f"{by}: {what}", path, by) for by in (STAFF, BY_PRACTITIONER, CLIENT) for what, path in asked),
    ]


def run(say: Say) -> bool:
    """Build, measure, print; True if every median is within the bar."""
    return all([_appointments(say), _marketplace(say)])


def _marketplace(say: Say) -> bool:
    size = MarketSize()
    with serving(say, lambda url: fill_market(url, say, size)) as stack:
        say(f"measuring the marketplace's, {ROUNDS} rounds")
        people = {STAFF: STAFF_ID, BY_PRACTITIONER: PRACTITIONER, CLIENT: USER}
        with RequestTimer(stack.api_url, {name: access_for(stack, id_) for name, id_ in people.items()}) as asker:
            found = measure(asker, market_questions(), requests=3)
    print(f"\n{size.bookings:,} marketplace bookings; medians of {ROUNDS} rounds of 3 requests, one client\n")
    print(table(found))
    bars = [bar_of(f"every marketplace list within {P50_AT_MOST_MS:g} ms at the median", found, P50_AT_MOST_MS)]
    met = print_bars(bars)
    say(f"written to {write_result('market-lists', {'size': size, 'lists': found, 'bars': bars})}")
    return met


def _appointments(say: Say) -> bool:
    size = Size()
    with serving(say, lambda url: fill(url, say, size)) as stack:
        say(f"measuring, {ROUNDS} rounds")
        with RequestTimer(stack.api_url, {STAFF: access_token(stack.api_url)}) as asker:
            found = measure(asker, questions())
    print(
        f"\n{size.bookings:,} bookings, {size.users:,} users; medians of {ROUNDS} rounds of {REQUESTS} requests, one client\n"
    )
    print(table(found))
    bars = [bar_of(f"every list within {P50_AT_MOST_MS:g} ms at the median", found, P50_AT_MOST_MS)]
    met = print_bars(bars)
    say(f"written to {write_result('lists', {'size': size, 'lists': found, 'bars': bars})}")
    return met
