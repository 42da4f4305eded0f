"""Whether the database answered others while a batch was being decided.

A batch that runs into a timeout was slow, or the database was: paused, full, or cut off. So during a long visit a thread
commits something else again and again. If the worker is stopped, so is this thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Protocol

import psycopg

from core.store.connections.database import Connection, commit_nothing

LONG_S = 1.0
"""A shorter visit is not watched."""
EVERY_S = 0.5
GAP_MAX_S = 3.0
"""Between two answers; a longer gap was an outage."""


class DatabaseProbe(Protocol):
    def begin(self) -> None: ...
    def end(self) -> None: ...
    def others_were_answered(self) -> bool: ...


class NoProbe:
    """Sees nothing, so any failure may have been an outage."""

    def begin(self) -> None:
        pass

    def end(self) -> None:
        pass

    def others_were_answered(self) -> bool:
        return False


class ProbeThread:
    """Commits on a connection of its own, opened when it is first needed."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._connection: Connection | None = None
        self._asking = threading.Lock()
        self._closed = threading.Event()
        self._began: float | None = None
        self._answers: list[float] = []
        threading.Thread(target=self._watch, name="probe", daemon=True).start()

    def begin(self) -> None:
        self._answers = []
        self._began = time.monotonic()

    def end(self) -> None:
        self._began = None

    def others_were_answered(self) -> bool:
        """Continuously from `begin` until now."""
        began, answers = self._began, self._answers
        if began is None or not self._ask(answers):
            return False
        return all(later - earlier <= GAP_MAX_S for earlier, later in pairwise([began, *answers, time.monotonic()]))

    def close(self) -> None:
        self._closed.set()
        with self._asking:
            self._drop()

    def _watch(self) -> None:
        while not self._closed.wait(EVERY_S):
            began, answers = self._began, self._answers
            if began is not None and time.monotonic() - began > LONG_S:
                self._ask(answers)

    def _ask(self, answers: list[float]) -> bool:
        with self._asking:
            try:
                if self._connection is None:
                    self._connection = self._connect()
                commit_nothing(self._connection)
            except psycopg.Error:
                self._drop()
                return False
            answers.append(time.monotonic())
            return True

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None
