"""The benchmark's big tables, small: they are like tables that filled by booking, indexes and tally included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg

from core.domain.bookings.claims import claims_of
from core.domain.bookings.status import Status
from core.domain.marketplace.details import MarketDetails
from core.domain.values import Booking, Claim
from core.store.bookings.rows import BOOKING_COLUMNS, booking_of
from core.store.lists.marketplace import ORDERS, MarketBookingFilter, find
from core.store.marketplace.save import ListRow, list_row
from tests.benchmarks.tables import big_tables, market, market_tables
from tests.benchmarks.tables.big_tables import Size, fill
from tests.benchmarks.tables.market import MarketSize
from tests.benchmarks.tables.market_tables import fill_market
from tests.support.engine.lanes import Pipeline

TABLES = sorted({*big_tables.TABLES, *market_tables.TABLES})
INDEXES = "SELECT indexdef FROM pg_indexes WHERE tablename = ANY(%s) ORDER BY 1"
LISTED = f"SELECT {', '.join(ListRow.__struct_fields__)} FROM marketplace_booking ORDER BY 1"
BOOKED = f"SELECT {BOOKING_COLUMNS} FROM booking WHERE contract = 'marketplace' ORDER BY id"
OWN_BOOKINGS = """
UPDATE marketplace_booking SET user_id = %s
WHERE booking_id IN (SELECT min(booking_id) FROM marketplace_booking WHERE mod(booking_id, 40) = 0
                     GROUP BY coalesce(session_id, -booking_id))
RETURNING booking_id"""
"""A practitioner books for themselves too, one seat of a session."""
CLAIMED = "SELECT resource_id, lower(during), upper(during), booking_id FROM claim WHERE booking_id >= %s ORDER BY 4"


def test_filling_leaves_every_index_and_an_exact_tally(pipeline: Pipeline) -> None:
    before = pipeline.rows(INDEXES, TABLES)
    fill(pipeline.url, lambda _: None, Size(bookings=4000, users=50))
    assert pipeline.rows(INDEXES, TABLES) == before
    assert pipeline.row("SELECT count(*), count(DISTINCT user_id) FROM booking") == (4000, 50)
    counted = "SELECT local_date, listed_as, sum(bookings)::int FROM booking_count GROUP BY 1, 2 ORDER BY 1, 2"
    listed = "SELECT local_date, listed_as, count(*)::int FROM booking GROUP BY 1, 2 ORDER BY 1, 2"
    assert pipeline.rows(counted) == pipeline.rows(listed)


def test_the_filled_marketplace_is_as_the_lanes_would_have_written_it(pipeline: Pipeline) -> None:
    before = pipeline.rows(INDEXES, TABLES)
    fill_market(pipeline.url, lambda _: None, MarketSize(bookings=4000, clients=100, practitioners=20))
    assert pipeline.rows(INDEXES, TABLES) == before
    bookings = [booking_of(row) for row in pipeline.rows(BOOKED)]
    assert len(bookings) == 4000
    assert [ListRow(*row) for row in pipeline.rows(LISTED)] == [list_row(one, details(one)) for one in bookings]
    wanted = [claim for one in bookings for claim in claims_of(one)]
    assert len(wanted) > 100
    assert [Claim(*row) for row in pipeline.rows(CLAIMED, market.FIRST)] == wanted


def details(booking: Booking) -> MarketDetails:
    return msgspec.convert(booking.details, MarketDetails)


async def test_a_list_that_is_gathered_is_the_same_as_one_that_is_walked(pipeline: Pipeline) -> None:
    """Few are gathered and sorted, many walked in order: by the limit of counting either can be had of any list."""
    fill_market(pipeline.url, lambda _: None, MarketSize(bookings=3000, clients=40, practitioners=20))
    pipeline.rows(OWN_BOOKINGS, market.FIRST)
    now = datetime.now(UTC)
    narrow: list[dict[str, Any]] = [
        {},
        {"statuses": [Status.CONFIRMED, Status.CANCELLED]},
        {"payment_statuses": ["succeeded"]},
        {"kinds": ["workshop", "package"]},
        {"service_id": market.WORKSHOP},
        {"practitioner_id": market.FIRST + 1},
        {"is_upcoming": True},
        {"is_upcoming": False},
        {"is_upcoming": True, "statuses": [Status.HELD, Status.COMPLETED]},
        {"first": now - timedelta(days=20), "before": now},
        {"first": now - timedelta(days=200), "kinds": ["individual"]},
        {"search": "KNEE"},
        {"search": "last1", "statuses": [Status.COMPLETED]},
    ]
    lists = [
        MarketBookingFilter(user_id=who, order=order, **one) for who in (None, 1, market.FIRST) for order in ORDERS for one in narrow
    ]  # fmt: skip

    async with await psycopg.AsyncConnection.connect(pipeline.url, autocommit=True) as connection:
        for wanted in lists:
            gathered, walked = [await find(connection, wanted, 30, 10, limit) for limit in (10_001, 5)]
            assert walked.ids == gathered.ids, wanted
            assert walked.count == min(gathered.count, 5)
