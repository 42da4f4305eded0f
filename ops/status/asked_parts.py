"""Asks several parts at once, each for a bounded time: one that hangs is reported, and delays no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")

ANSWER_WITHIN_S = 2.0
"""The longest wait for a part."""
HTTP_TIMEOUT_S = 1.8
"""Shorter, so that the reader can still say which part did not answer."""
NO_ANSWER = "it does not answer in time"


class PartError(Exception):
    """A part answers, but not as it should; the message tells an operator how."""


class Reply(Struct, Generic[T], frozen=True):
    """What a part said. Exactly one of `value` and `problem` is there."""

    value: T | None = None
    problem: str | None = None
    took_s: float | None = None
    """None: it has not answered."""


class Part(Generic[T]):
    """One source of facts. `read` may hang: it runs in a thread that is not waited for at the end."""

    def __init__(self, name: str, read: Callable[[], T], explain: Callable[[Exception], str] = str) -> None:
        self.name = name
        self._read = read
        self._explain = explain
        self._thread: threading.Thread | None = None
        self._reply: Reply[T] = Reply(problem=NO_ANSWER)

    def begin(self) -> None:
        """Ask, unless the last question is still not answered: questions do not pile up at a part that hangs."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._ask, name=f"status of {self.name}", daemon=True)
            self._thread.start()

    def reply(self, until: float) -> Reply[T]:
        """The answer to the last question, waiting for it until a moment of the monotonic clock."""
        assert self._thread is not None, "begin() comes first"  # noqa: S101 - a programming error
        self._thread.join(max(0.0, until - time.monotonic()))
        return Reply(problem=NO_ANSWER) if self._thread.is_alive() else self._reply

    def _ask(self) -> None:
        began = time.monotonic()
        try:
            value = self._read()
        except Exception as problem:  # noqa: BLE001 - whatever a library raises, this part is the one that it is about
            self._reply = Reply(problem=self._explain(problem) or type(problem).__name__)
        else:
            self._reply = Reply(value=value, took_s=time.monotonic() - began)


def begin_all(parts: Sequence[Part[Any]], within_s: float = ANSWER_WITHIN_S) -> float:
    """Ask all at once; the moment until which to wait for their replies."""
    for part in parts:
        part.begin()
    return time.monotonic() + within_s
