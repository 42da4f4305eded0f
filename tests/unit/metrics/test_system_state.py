"""Reading the state is bounded: by a cache, by one read at a time, and by the time that a scrape may take."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from core.metrics import system_state
from core.metrics.system_state import _Cached


def test_two_scrapes_in_a_row_read_once() -> None:
    reads = count(1)
    cached = _Cached(lambda: next(reads), 60.0, ThreadPoolExecutor(1))
    assert [cached.value(), cached.value()] == [1, 1]


def test_a_value_that_is_no_longer_fresh_is_read_again() -> None:
    reads = count(1)
    cached = _Cached(lambda: next(reads), -1.0, ThreadPoolExecutor(1))
    assert [cached.value(), cached.value()] == [1, 2]


def test_a_read_that_hangs_gives_no_value_and_no_second_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_state, "READ_WITHIN_S", 0.01)
    answers, reads = threading.Event(), []

    def read() -> str:
        reads.append(1)
        answers.wait(10.0)
        return "an answer"

    thread = ThreadPoolExecutor(1)
    cached = _Cached(read, 60.0, thread)
    assert [cached.value(), cached.value()] == [None, None]
    answers.set()
    thread.submit(lambda: None).result(10.0)
    assert cached.value() == "an answer"
    assert len(reads) == 1
