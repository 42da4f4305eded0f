"""A bulk's body cut into rows as it arrives. Pure: bytes in, rows out.

Each row comes out as the JSON that a single call would have had as its body, whatever the format. Where a row begins
and ends must be certain: a body in which it is not is refused whole. JSON and NDJSON are here, CSV is in csv_rows.py.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn, Protocol

import msgspec

from api.http.bodies import MALFORMED, malformed
from api.http.errors import Problem
from core.wire.errors import FieldProblem

ROW_MAX_BYTES = 64 * 1024
"""As much as a single call's body may have."""
TOO_LONG = f"the row is longer than {ROW_MAX_BYTES} bytes"
CUT_OFF = "the body ends in the middle of it"
NOT_UTF8 = "it is not UTF-8"


class BadRow(Problem):
    """A row that cannot be read, though it is clear where it ends."""

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


class NdjsonRows:
    """One JSON object a line; empty lines are no rows."""

    def __init__(self) -> None:
        self._rest = b""
        self._seen = 0

    def feed(self, piece: bytes) -> Iterator[Row]:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            yield from self._row(line)
        if len(self._rest) > ROW_MAX_BYTES:
            unreadable(self._seen + 1, TOO_LONG)

    def end(self) -> Iterator[Row]:
        try:
            msgspec.json.decode(self._rest or b"null", type=msgspec.Raw)  # numbers are not looked at
        except MALFORMED:
            if self._rest.strip():
                unreadable(self._seen + 1, CUT_OFF)
        yield from self._row(self._rest)

    def _row(self, line: bytes) -> Iterator[Row]:
        if len(line) > ROW_MAX_BYTES:
            unreadable(self._seen + 1, TOO_LONG)
        line = line.removeprefix(codecs.BOM_UTF8) if self._seen == 0 else line
        if line.strip():
            self._seen += 1
            yield line


class JsonRows:
    """A JSON array; whatever is in it is a row."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._text = ""
        self._at = 0
        self._wants = "["
        """What comes next: the array, a first value or its end, a comma or the end, a value, nothing."""
        self._seen = 0

    def feed(self, piece: bytes) -> Iterator[Row]:
        yield from self._values(piece, final=False)

    def end(self) -> Iterator[Row]:
        yield from self._values(b"", final=True)
        if self._wants != "":
            raise malformed()

    def _values(self, piece: bytes, *, final: bool) -> Iterator[Row]:
        try:
            self._text = self._text[self._at :] + self._decode(piece, final)
        except UnicodeDecodeError:
            unreadable(self._seen + 1, NOT_UTF8)
        self._at = 0
        while (row := self._next(final=final)) is not None:
            if row:
                self._seen += 1
                yield row

    def _next(self, *, final: bool) -> bytes | None:
        """A value, or nothing (`b""`) where punctuation was read; None when more text is needed."""
        self._at = _past_space(self._text, self._at)
        if self._at == len(self._text):
            return None
        here = self._text[self._at]
        if here in _AFTER.get(self._wants, {}):
            self._wants = _AFTER[self._wants][here]
            self._at += 1
            return b""
        if self._wants not in _VALUES:
            raise malformed()
        return self._value(final=final)

    def _value(self, *, final: bool) -> bytes | None:
        try:
            _, end = _STRICT.raw_decode(self._text, self._at)
        except (ValueError, RecursionError):
            self._check_more_may_come(final=final)
            return None
        if end - self._at > ROW_MAX_BYTES:
            unreadable(self._seen + 1, TOO_LONG)
        if self._text[end : end + 1] not in _ENDS and not final:
            self._check_more_may_come(final=False)  # a number may be longer than it looks
            return None
        value = self._text[self._at : end].encode()
        self._at, self._wants = end, ", or ]"
        return value

    def _check_more_may_come(self, *, final: bool) -> None:
        """Raise Problem if the text is over, or if this row is already longer than a row may be."""
        if final or len(self._text) - self._at > ROW_MAX_BYTES:
            raise malformed()


_ENDS = frozenset(" \t\r\n,]")
"""What may follow a value."""
_VALUES = frozenset({"value or ]", "value"})
_AFTER: Mapping[str, Mapping[str, str]] = {
    "[": {"[": "value or ]"},
    "value or ]": {"]": ""},
    ", or ]": {",": "value", "]": ""},
}
"""By what is wanted: what may come, and what is wanted then."""


def _past_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_STRICT = json.JSONDecoder(parse_constant=_no_constant, parse_int=str, parse_float=str)
"""Only finds where a value ends. NaN and Infinity are not JSON."""
