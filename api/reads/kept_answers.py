"""Answers that are kept as bytes, each with all that it was made of.

Nothing here has to be told of a change: what an answer is made of is read again for each request, and only if it is
the same are the bytes sent again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from hashlib import blake2b

from msgspec import Struct

from core.domain.resources.local_time import MINUTE_US
from core.store.reads.shared_reads import Found

KEPT_BYTES_MAX = 16 * 1024 * 1024
"""Of a process. Those that were asked for longest ago go first."""
ANSWER_BYTES_MAX = KEPT_BYTES_MAX // 16
"""A larger answer is made anew each time."""
ENTRY_BYTES = 1_000
"""What an entry takes beside its bytes, at most: its question, and what holds it."""
VALUE_BYTES = 50
"""What Python takes for a value beside its bytes."""
_TAG_BYTES = 16


class KeptAnswer(Struct, frozen=True):
    body: bytes
    tag: str
    """Of the body: equal bodies have equal tags (RFC 9110, 8.8.3)."""
    made_of: tuple[tuple[bytes | None, ...], ...]
    minute: int
    """In which it was made, by the database's clock. Slots begin, days end and notice runs out on the minute: within
    it, the clock changes no answer."""
    size_bytes: int
    """In memory, about."""

    def is_true_of(self, found: Found) -> bool:
        """Whether it would be made again just so."""
        return self.minute == _minute(found) and self.made_of == found.raw


def new_answer(body: bytes, found: Found) -> KeptAnswer:
    tag = blake2b(body, digest_size=_TAG_BYTES).hexdigest()
    values = (value for values in found.raw for value in values)
    size_bytes = ENTRY_BYTES + len(body) + sum(VALUE_BYTES + len(value or b"") for value in values)
    return KeptAnswer(body, tag, found.raw, _minute(found), size_bytes)


def _minute(found: Found) -> int:
    return found.now_us // MINUTE_US


class KeptAnswers:
    def __init__(self, bytes_max: int = KEPT_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._kept: OrderedDict[Hashable, KeptAnswer] = OrderedDict()
        self.size_bytes = 0

    def find(self, question: Hashable, found: Found) -> KeptAnswer | None:
        """The answer to an equal question, if it is still true."""
        kept = self._kept.get(question)
        if kept is None or not kept.is_true_of(found):
            return None
        self._kept.move_to_end(question)
        return kept

    def keep(self, question: Hashable, answer: KeptAnswer) -> None:
        self._drop(question)
        if answer.size_bytes > ANSWER_BYTES_MAX:
            return
        self._kept[question] = answer
        self.size_bytes += answer.size_bytes
        while self.size_bytes > self._bytes_max:
            self._drop(next(iter(self._kept)))

    def _drop(self, question: Hashable) -> None:
        if (kept := self._kept.pop(question, None)) is not None:
            self.size_bytes -= kept.size_bytes
