"""Closures that follow calendars: what is made and what is ended, so that both agree."""

from __future__ import annotations

from datetime import timedelta

from core.domain.resources.busy_times import PresentClosure, closure_changes, merged, subtract
from core.domain.resources.local_time import Span
from tests.support.values import NOW


def hours(first: int, last: int) -> Span:
    return NOW + timedelta(hours=first), NOW + timedelta(hours=last)


def test_each_busy_time_becomes_a_closure_and_those_that_touch_are_one() -> None:
    found = closure_changes({7: [hours(1, 2), hours(2, 3), hours(5, 6)]}, [])
    assert (found.end, found.make) == ([], [(7, hours(1, 3)), (7, hours(5, 6))])


def test_nothing_changes_where_both_agree() -> None:
    assert not len(closure_changes({7: [hours(1, 3)]}, [PresentClosure(1, 7, hours(1, 3))]))


def test_a_time_that_grows_keeps_its_closure_and_gets_another_beside_it() -> None:
    found = closure_changes({7: [hours(1, 4)]}, [PresentClosure(1, 7, hours(1, 3))])
    assert (found.end, found.make) == ([], [(7, hours(3, 4))])


def test_a_time_that_shrinks_or_moves_is_closed_anew() -> None:
    present = PresentClosure(1, 7, hours(1, 3))
    found = closure_changes({7: [hours(2, 3)]}, [present])
    assert (found.end, found.make) == ([present], [(7, hours(2, 3))])


def test_a_time_that_is_busy_no_more_is_opened() -> None:
    present = PresentClosure(1, 7, hours(1, 3))
    found = closure_changes({7: []}, [present])
    assert (found.end, found.make) == ([present], [])


def test_closures_of_a_calendar_that_is_followed_no_more_end() -> None:
    present = PresentClosure(1, 7, hours(1, 3))
    assert closure_changes({}, [present]).end == [present]


def test_what_somebody_closed_stays_theirs_and_the_calendar_closes_what_is_left() -> None:
    by_staff = PresentClosure(1, None, hours(2, 3))
    found = closure_changes({7: [hours(1, 5)]}, [by_staff])
    assert (found.end, found.make) == ([], [(7, hours(1, 2)), (7, hours(3, 5))])


def test_two_calendars_of_one_resource_close_each_time_once() -> None:
    found = closure_changes({8: [hours(1, 4)], 7: [hours(2, 3)]}, [])
    assert found.make == [(8, hours(1, 2)), (7, hours(2, 3)), (8, hours(3, 4))]


def test_one_closes_what_another_gives_back() -> None:
    present = [PresentClosure(1, 7, hours(2, 3)), PresentClosure(2, 8, hours(1, 2))]
    found = closure_changes({8: [hours(1, 3)], 7: []}, present)
    assert (found.end, found.make) == ([present[0]], [(8, hours(2, 3))])


def test_thousands_of_times_are_compared_in_one_pass() -> None:
    spans = [hours(2 * n, 2 * n + 1) for n in range(5_000)]
    present = [PresentClosure(n, 7, span) for n, span in enumerate(spans)]
    assert not len(closure_changes({7: spans}, present))


def test_what_is_left_of_times_without_others() -> None:
    left = subtract([hours(0, 10), hours(12, 13)], [hours(-1, 1), hours(2, 3), hours(9, 12)])
    assert left == [hours(1, 2), hours(3, 9), hours(12, 13)]
    assert merged([hours(3, 4), hours(1, 2), hours(2, 3)]) == [hours(1, 4)]
