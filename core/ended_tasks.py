"""Ends asyncio tasks for certain."""

from __future__ import annotations

import asyncio
from typing import Any

ASKED_EVERY_S = 2.0
"""Long enough for a task to close what it has open before it is asked again."""


async def end(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel tasks until each has ended. What they raise is dropped; None stands for a task that was never started.

    Asking once is not enough before Python 3.12: a task whose `asyncio.wait_for` has its result in the same turn of
    the loop as the cancellation gets the result, and goes on (python/cpython#86296). redis-py sends by it, and
    psycopg's pool waits by it. A process that waits for such a task never stops.
    """
    pending = {task for task in tasks if task is not None}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=ASKED_EVERY_S)
    await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
