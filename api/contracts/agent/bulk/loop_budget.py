"""Long work on the event loop, with turns for everybody else in between."""

from __future__ import annotations

import asyncio
import time


class LoopBudget:
    """Call `take` often: when its slice is used up, others have their turn."""

    def __init__(self, slice_s: float) -> None:
        self._slice_s = slice_s
        self._since = time.perf_counter()

    async def take(self) -> None:
        if time.perf_counter() - self._since > self._slice_s:
            await asyncio.sleep(0)
            self._since = time.perf_counter()
