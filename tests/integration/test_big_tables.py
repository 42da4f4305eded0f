"""The benchmark's big tables, small: they are like tables that filled by booking, indexes and tally included."""

from __future__ import annotations

from tests.benchmarks.big_tables import Size, fill
from tests.engine import Pipeline

INDEXES = "SELECT indexdef FROM pg_indexes WHERE tablename IN ('booking', 'claim', 'user_account') ORDER BY 1"


def test_filling_leaves_every_index_and_an_exact_tally(pipeline: Pipeline) -> None:
    before = pipeline.rows(INDEXES)
    fill(pipeline.url, lambda _: None, Size(bookings=4000, users=50))
    assert pipeline.rows(INDEXES) == before
    assert pipeline.row("SELECT count(*), count(DISTINCT user_id) FROM booking") == (4000, 50)
    counted = "SELECT local_date, listed_as, sum(bookings)::int FROM booking_count GROUP BY 1, 2 ORDER BY 1, 2"
    listed = "SELECT local_date, listed_as, count(*)::int FROM booking GROUP BY 1, 2 ORDER BY 1, 2"
    assert pipeline.rows(counted) == pipeline.rows(listed)
