"""A bulk's body cut into rows as it arrives. Pure: bytes in, rows out.

Each row comes out as the JSON that a single call would have had as its body, whatever the format.
Where a row begins and ends must be certain: a body in which it is not is refused whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn, Protocol

from api.contracts.agent.bulk.limits import ROW_MAX_BYTES
from api.http.errors import Problem
from core.wire.errors import FieldProblem

TOO_LONG = f"the row is longer than {ROW_MAX_BYTES} bytes"
CUT_OFF = "the body ends in the middle of it"
NOT_UTF8 = "it is not UTF-8"


class BadRow(Problem):
    """A row that cannot be read though it is clear where it ends."""

    def __init__(self, message: str, sent: Mapping[str, str], more: Sequence[str]) -> None:
        super().__init__(400, "malformed_row", message)
        self.sent = sent
        """Its cells by column, for a report."""
        self.more = more
        """Its cells beyond the last column."""


Row = bytes | BadRow
"""A row's JSON, or why it has none."""


class RowSplitter(Protocol):
    def feed(self, piece: bytes) -> Iterator[Row]:
        """The rows that end in this piece. Raises Problem 400 when the body cannot be read."""

    def end(self) -> Iterator[Row]:
        """The rows that end with the body. Raises Problem 400 when the body is cut off."""


def unreadable(row: int, words: str) -> NoReturn:
    """Refuse the whole body. Rows count from 1; nothing of it was accepted."""
    sentence = f"The body cannot be read from row {row} on: {words}. Nothing was accepted"
    raise Problem(400, "unreadable_body", sentence, [FieldProblem(f"row {row}", words)])
