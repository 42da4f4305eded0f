"""When a delivery is tried again: later each time, for three days, and not with all the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from core.deliveries.pauses import JITTER, PAUSES, Pauses, after_failure
from core.store.deliveries.leases import FAILURES_MAX
from core.store.deliveries.reports import Failed

START = datetime(2026, 3, 28, 12, tzinfo=UTC)
CHANCES = st.lists(st.floats(0, 1), min_size=1, max_size=5)
TIMES = st.floats(60, 30 * 86_400)


def tries(pauses: Pauses, chances: list[float]) -> list[float]:
    """When a delivery that always fails is tried, in seconds."""
    at = [0.0]
    while len(at) < 1_000:
        failed = Failed(START + timedelta(seconds=at[-1]), START, 1, START)
        after = after_failure(failed, pauses, chances[len(at) % len(chances)])
        if after.due_at is None:
            return at
        at.append((after.due_at - START).total_seconds())
    raise AssertionError("it is tried for ever")


@given(CHANCES, TIMES)
@example([0.0], 60.1015625)  # ends between two microseconds
def test_it_is_tried_until_its_time_is_over_and_not_too_often(chances: list[float], tried_for_s: float) -> None:
    at = tries(PAUSES.scaled(tried_for_s), chances)
    assert abs(at[-1] - tried_for_s) < 0.001
    assert 18 <= len(at) <= 40


@given(CHANCES)
@example([0.0])  # its last pause is cut off by the end
def test_pauses_grow_by_more_than_jitter_takes_away_and_not_beyond_half_a_day(chances: list[float]) -> None:
    *gaps, last = [later - earlier for earlier, later in pairwise(tries(PAUSES, chances))]
    assert gaps[0] >= PAUSES.first_s * (1 - JITTER)
    assert max(*gaps, last) <= PAUSES.longest_s + 0.001
    assert all(third > first for first, third in zip(gaps, gaps[2:], strict=False) if third < PAUSES.longest_s / 2)


@given(st.floats(0, 1), st.floats(0, 1e9), st.floats(0, 3 * 86_400 - 1))
def test_a_receiver_may_ask_for_more_time_but_not_for_more_than_there_is(
    chance: float, asked_s: float, tried_s: float
) -> None:
    now = START + timedelta(seconds=tried_s)
    after = after_failure(Failed(now, START, 1, START), PAUSES, chance, asked_s)
    assert after.due_at is not None
    assert now < after.due_at <= START + timedelta(seconds=PAUSES.tried_for_s)
    if asked_s < PAUSES.longest_s:
        assert after.due_at >= min(now + timedelta(seconds=asked_s), START + timedelta(seconds=PAUSES.tried_for_s))


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_receiver_pauses_once_it_has_failed_often_and_longer_each_time(failures: int, chance: float) -> None:
    pause = after_failure(Failed(START, START, failures, START), PAUSES, chance).paused_until
    if failures < FAILURES_MAX:
        assert pause is None
    else:
        assert pause is not None
        longest = min(PAUSES.receiver_first_s * 2.0 ** min(failures - FAILURES_MAX, 20), PAUSES.receiver_longest_s)
        assert longest * (1 - JITTER) * 0.999 <= (pause - START).total_seconds() <= longest


@given(st.floats(0, 10 * 86_400))
def test_what_waits_for_a_receiver_is_given_up_when_that_failed_as_long(failing_s: float) -> None:
    now = START + timedelta(seconds=failing_s)
    before = after_failure(Failed(now, now, 9, START), PAUSES, 0.5).park_before
    assert (before is not None) == (failing_s >= PAUSES.tried_for_s)
