"""How a server's task learns that its worker is to end.

Celery's warm shutdown waits for running tasks and tells only the main process. The event is
made before the pool forks, so that main and children share it.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.synchronize import Event
from typing import Any

from celery import bootsteps

_asked: list[Event] = []


def prepare() -> None:
    """In the main process, before the pool starts."""
    _asked[:] = [multiprocessing.Event()]


def ask() -> None:
    for event in _asked:
        event.set()


class AskServersToEnd(bootsteps.StartStopStep):  # type: ignore[misc]  # celery ships no types
    """Stopped before the pool, however the worker ends: by signal, or because its consumer failed."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)

    def start(self, _worker: Any) -> None:
        """Nothing to do: the event is made before the pool forks."""

    def stop(self, _worker: Any) -> None:
        ask()


def watch() -> Callable[[], bool]:
    """A function that tells whether the worker was asked to end, or its main process died."""
    parent = os.getppid()
    return lambda: any(event.is_set() for event in _asked) or os.getppid() != parent
