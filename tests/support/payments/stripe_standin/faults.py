"""How the stand-in misbehaves when told to."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

EVERY = "*"
KINDS = (
    "down",  # the connection is dropped before anything is done
    "error_500",  # nothing is done, and the 500 is kept under the idempotency key
    "work_then_500",  # the work is done, and the 500 is kept under the idempotency key
    "work_then_silence",  # the work is done, its answer kept, and the connection dropped
    "work_then_forgotten",  # the same, and the answer's key is forgotten, as Stripe does after a day
    "work_then_held",  # the work is done, and its answer held until the fault is ended
    "held",  # nothing is done until the fault is ended; then it is done, whether or not the client still waits
    "rate_limited",  # 429
    "unauthorized",  # 401
    "disputed",  # 400, for good: of a refund whose charge the payer's bank has taken back
    "gibberish",  # 200, and a body that is none of what was asked for
)


@dataclass(eq=False)
class Fault:
    kind: str
    operation: str
    left: int
    about: str
    ended: threading.Event = field(default_factory=threading.Event)


@dataclass
class Faults:
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _planned: list[Fault] = field(default_factory=list)

    def plan(self, kind: str, operation: str = EVERY, times: int = 1, about: str = "") -> None:
        """The next `times` requests of that operation fail; a negative number means until ended.

        `about` is what their path or form, each field ended by `&`, must contain.
        """
        assert kind in KINDS, kind
        with self._lock:
            self._planned.append(Fault(kind, operation, times, about))

    def end(self, about: str = "") -> None:
        """End those that were planned with exactly this `about`; without one, all."""
        with self._lock:
            over = [one for one in self._planned if about in {"", one.about}]
            self._planned = [one for one in self._planned if one not in over]
        for one in over:
            one.ended.set()

    def next(self, operation: str, request: str) -> Fault | None:
        with self._lock:
            for one in self._planned:
                if one.operation in {EVERY, operation} and one.left and one.about in request:
                    one.left -= 1
                    return one
        return None
