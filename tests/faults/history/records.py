"""A client process's history: a JSON line for every request with its answer, written as soon as it is known."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

_encode = msgspec.json.Encoder().encode


class Asked(Struct, frozen=True, omit_defaults=True):
    """One request, and what came back."""

    operation: str
    """The client's own name for what it wants: retries and polls share it."""
    story: str
    action: str
    """place, cancel, read, write, take, give_up, or anything that only the other checks are about."""
    path: str
    sent_at: float
    """On the monotonic clock, which all processes of a machine share."""
    sent_wall: float
    ended_at: float
    """When the answer was there, or the connection broke."""
    status: int = 0
    """0: no answer came."""
    is_poll: bool = False
    """Asks what became of the command."""
    subject: str = ""
    """The one thing whose history of answers must be linearizable, such as a slot; empty: none."""
    value: str = ""
    """What a write writes."""
    key: str = ""
    """The Idempotency-Key."""
    command: str = ""
    """The command's id, as the answer named it."""
    body: Any = None
    problem: str = ""
    """Why no answer came."""
    has_retry_after: bool = False


class HistoryWriter:
    """Appends from any thread; a line is in the file when `note` returns."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._lock = threading.Lock()

    def note(self, asked: Asked) -> None:
        line = _encode(asked) + b"\n"
        with self._lock:
            self._file.write(line)

    def close(self) -> None:
        self._file.close()


def read_history(paths: Iterable[Path]) -> list[Asked]:
    """All requests of these files, by the time of sending."""
    decode = msgspec.json.Decoder(Asked).decode
    found = [decode(line) for path in paths for line in path.read_bytes().splitlines() if line]
    return sorted(found, key=lambda one: one.sent_at)
