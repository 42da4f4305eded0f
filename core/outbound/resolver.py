"""Names resolved to addresses, once for each request, and within a time."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread

Resolve = Callable[[str, float], Sequence[str]]
"""(name, seconds) to addresses in the order in which they are to be tried. Raises `UnresolvedError`."""


class UnresolvedError(Exception):
    """A name has no address, or nobody said within the time."""


def resolve(name: str, within_s: float) -> list[str]:
    """By the system's resolver. It has no timeout of its own, so a thread waits for it and is left behind if need be:
    the system gives up within half a minute.
    """
    found: SimpleQueue[list[str] | OSError] = SimpleQueue()
    Thread(target=_look_up, args=(name, found), daemon=True, name="resolve").start()
    try:
        answer = found.get(timeout=within_s)
    except Empty:
        raise UnresolvedError(f"the name was not resolved within {within_s:g} s") from None
    if isinstance(answer, OSError):
        raise UnresolvedError(f"the name cannot be resolved: {answer.strerror or 'unknown'}")
    return answer


def _look_up(name: str, found: SimpleQueue[list[str] | OSError]) -> None:
    try:
        rows = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except UnicodeError:
        found.put(OSError(0, "it is no domain name"))
    except OSError as problem:
        found.put(problem)
    else:
        found.put(list(dict.fromkeys(str(row[4][0]) for row in rows)))
