"""Token buckets: a burst, then so many a second, and no memory of idle clients."""

from __future__ import annotations

from core.token_buckets import Buckets, Rate


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_let_through_and_then_one_at_a_time() -> None:
    clock = Clock()
    buckets = Buckets(Rate(3, 0.5), clock)
    assert [buckets.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, 2.0]
    assert buckets.take("b") == 0.0
    clock.now = 2.0
    assert [buckets.take("a"), buckets.take("a")] == [0.0, 2.0]


def test_asking_too_often_does_not_put_it_off() -> None:
    clock = Clock()
    buckets = Buckets(Rate(1, 1.0), clock)
    buckets.take("a")
    for _ in range(10):
        clock.now += 0.09
        assert buckets.take("a") > 0.0
    clock.now = 1.01
    assert buckets.take("a") == 0.0


def test_a_caller_that_has_been_away_is_forgotten() -> None:
    clock = Clock()
    buckets = Buckets(Rate(2, 1.0), clock)
    for number in range(1_000):
        buckets.take(number)
    clock.now = 2.0
    buckets.take("a")
    assert len(buckets) == 1
