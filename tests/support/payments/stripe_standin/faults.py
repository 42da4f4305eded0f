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
    "rate_limited",  # 429
    "slow",  # some seconds pass before it is done, whether or not the client still waits
    "unauthorized",  # 401
    "disputed",  # 400, for good: of a refund whose charge the payer's bank has taken back
    "gibberish",  # 200, and a body that is none of what was asked for
)


@dataclass
class Faults:
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _planned: list[dict[str, object]] = field(default_factory=list)

    def plan(self, kind: str, operation: str = EVERY, times: int = 1, about: str = "") -> None:
        """The next `times` requests of that operation fail; a negative number means until cleared.

        `about` is what their path or form, each field ended by `&`, must contain.
        """
        assert kind in KINDS, kind
        with self._lock:
            self._planned.append({"kind": kind, "operation": operation, "left": times, "about": about})

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()

    def next(self, operation: str, request: str) -> str | None:
        with self._lock:
            for one in self._planned:
                if one["operation"] in {EVERY, operation} and one["left"] and str(one["about"]) in request:
                    one["left"] = int(str(one["left"])) - 1
                    return str(one["kind"])
        return None
