"""What is repeated beside a test ends with it, and never ends unseen."""

from __future__ import annotations

import pytest

from tests.support.repeating import repeating
from tests.support.wait import wait_until


def test_each_act_is_repeated_until_the_block_ends() -> None:
    done: tuple[list[int], list[int]] = ([], [])
    with repeating(*(lambda one=one: one.append(1) for one in done)):
        wait_until(lambda: all(len(one) > 1 for one in done), "both were done again")
    ended = [len(one) for one in done]
    assert [len(one) for one in done] == ended


def test_what_one_raises_is_raised_at_the_end() -> None:
    tried: list[int] = []

    def fail() -> None:
        tried.append(1)
        raise OSError("no connection")

    with pytest.raises(OSError, match="no connection"), repeating(fail, lambda: None):
        wait_until(lambda: tried == [1], "it was tried")
