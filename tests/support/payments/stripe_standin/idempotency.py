"""Idempotent requests: the first answer under a key is every answer under it ("Idempotent requests").

Errors that came of executing are kept as well, 500s included. A request that failed validation,
or met another one under its key, keeps nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.payments.stripe_standin.errors import StripeProblem

Answer = tuple[int, bytes]
KEY_CHARS_MAX = 255


class Kept(Exception):  # noqa: N818 - carries an answer
    """An error answer that belongs under the key."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


@dataclass
class Keys:
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _answers: dict[str, tuple[str, Answer | None]] = field(default_factory=dict)
    """By key: what was asked, and the answer; None while it is being worked out."""

    def once(self, key: str, asked: str, work: Callable[[], Answer]) -> tuple[Answer, bool]:
        """(answer, whether it is a replay). `work` raises `Kept` for errors to keep."""
        if len(key) > KEY_CHARS_MAX:
            raise StripeProblem(400, "idempotency_key_too_long", "Idempotency keys have at most 255 characters")
        with self._lock:
            if key in self._answers:
                return self._replay(key, asked), True
            self._answers[key] = (asked, None)
        try:
            answer = work()
        except Kept as kept:
            answer = kept.answer
        except BaseException:
            with self._lock:
                del self._answers[key]
            raise
        with self._lock:
            self._answers[key] = (asked, answer)
        return answer, False

    def _replay(self, key: str, asked: str) -> Answer:
        before, answer = self._answers[key]
        if before != asked:
            message = f"Keys for idempotent requests can only be used with the same parameters ('{key}')."
            raise StripeProblem(400, "idempotency_error", message, kind="idempotency_error")
        if answer is None:
            message = "There is currently another in-progress request using this Idempotency Key"
            raise StripeProblem(409, "idempotency_key_in_use", message, kind="idempotency_error")
        return answer
