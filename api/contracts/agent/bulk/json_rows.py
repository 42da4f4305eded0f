"""Rows of a JSON array, or of NDJSON, one a line."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping
from typing import NoReturn

import msgspec

from api.contracts.agent.bulk.limits import ROW_MAX_BYTES
from api.contracts.agent.bulk.row_splitter import CUT_OFF, NOT_UTF8, TOO_LONG, Row, unreadable
from api.http.bodies import MALFORMED, malformed


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
            msgspec.json.decode(self._rest or b"null", type=msgspec.Raw)  # without judging its numbers
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
            self._must_go_on(final=final)
            return None
        if end - self._at > ROW_MAX_BYTES:
            unreadable(self._seen + 1, TOO_LONG)
        if self._text[end : end + 1] not in _ENDS and not final:
            self._must_go_on(final=False)  # a number may be longer than it looks
            return None
        value = self._text[self._at : end].encode()
        self._at, self._wants = end, ", or ]"
        return value

    def _must_go_on(self, *, final: bool) -> None:
        """There must be more text than this, but not more than a row may have."""
        if final or len(self._text) - self._at > ROW_MAX_BYTES:
            raise malformed()


_ENDS = frozenset(" \t\r\n,]")
"""What tells that a value is over."""
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
"""Only finds where a value ends; NaN and Infinity are no JSON."""
