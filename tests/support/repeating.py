"""Something that is done over and over beside what a test or a benchmark does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def repeating(*acts: Callable[[], object], pause_s: float = 0.0) -> Iterator[None]:
    """Each act again and again on a thread of its own, with a pause before each time.

    At the end of the block the last times are waited for. What an act raises ends its thread and is raised there: work
    that stopped unseen would make everything beside it look better than it is.
    """
    over = threading.Event()

    def repeat(act: Callable[[], object]) -> None:
        while not over.wait(pause_s):
            act()

    with ThreadPoolExecutor(len(acts)) as threads:
        running = [threads.submit(repeat, act) for act in acts]
        try:
            yield
        finally:
            over.set()
    for one in running:
        one.result()
