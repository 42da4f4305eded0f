"""Waiting for a condition, never for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

READY_WITHIN_S = 180.0
"""Costs nothing when all goes well, however busy the machine is."""
_POLL_S = 0.05


def wait_until(condition: Callable[[], bool], what: str, within_s: float = READY_WITHIN_S) -> None:
    """Poll `condition`; raises TimeoutError that says what did not come true."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s:g} s: {what}")
        time.sleep(_POLL_S)


def at_best(measure: Callable[[], float], below: float, tries: int = 3) -> float:
    """The first of a few measurements that is below a bound, else the least.

    What the code makes slow is slow each time; a machine that is busy with something else is so once.
    """
    found: list[float] = []
    while len(found) < tries and min(found, default=below) >= below:
        found.append(measure())
    return min(found)


async def until(condition: Callable[[], bool], what: str, within_s: float = READY_WITHIN_S) -> None:
    """`wait_until` for tests whose event loop must go on meanwhile."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s:g} s: {what}")
        await asyncio.sleep(_POLL_S)
