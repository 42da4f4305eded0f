"""Rows of a CSV file with a header, as spreadsheets write it."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator

import msgspec

from api.contracts.agent.bulk.limits import ROW_MAX_BYTES
from api.contracts.agent.bulk.splitting import CUT_OFF, NOT_UTF8, TOO_LONG, Row, unreadable
from api.contracts.agent.create import AgentBooking
from api.errors import Problem, invalid
from core.wire.errors import FieldProblem

COLUMNS = {field.encode_name: field.required for field in msgspec.structs.fields(AgentBooking)}
"""By name, in document order: whether a row must have it."""
SHOWN_CHARS = 100
"""Of an unknown column's name, in the answer."""
PROBLEMS_SHOWN = 50


class CsvRows:
    """RFC 4180 with a header; an empty cell is a field that was not sent.

    A record ends at the first line end outside quotes. Quotes inside quoted cells are doubled, so that
    is where the number of quotes so far is even.
    """

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._rest = ""
        self._record: list[str] = []
        self._open = False
        """Inside quotes."""
        self._length = 0
        self._columns: list[str] = []
        self._seen = 0

    def feed(self, piece: bytes) -> Iterator[Row]:
        yield from self._lines(self._text(piece))

    def end(self) -> Iterator[Row]:
        yield from self._lines(self._text(b"", final=True))
        if self._rest:
            self._add(self._rest)
        if self._open:
            unreadable(self._seen + 1, f"{CUT_OFF}, or a quote is never closed")
        if self._record:
            record = self._take()
            cells = _cells(record)
            if isinstance(cells, list) and len(cells) < len(self._columns):
                unreadable(self._seen + 1, CUT_OFF)
            yield from self._row(record)
        if not self._columns:
            raise Problem(400, "empty_body", "The body has no header")

    def _text(self, piece: bytes, *, final: bool = False) -> str:
        try:
            return self._decode(piece, final)
        except UnicodeDecodeError:
            unreadable(self._seen + 1, NOT_UTF8)

    def _lines(self, text: str) -> Iterator[Row]:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._add(line + "\n")
            if not self._open:
                yield from self._row(self._take())
        if self._length + len(self._rest) > ROW_MAX_BYTES:
            unreadable(self._seen + 1, TOO_LONG)

    def _add(self, line: str) -> None:
        self._record.append(line)
        self._length += len(line)
        self._open ^= line.count('"') % 2 == 1
        if self._length > ROW_MAX_BYTES:
            unreadable(self._seen + 1, TOO_LONG)

    def _take(self) -> str:
        record = "".join(self._record)
        self._record.clear()
        self._length = 0
        return record

    def _row(self, record: str) -> Iterator[Row]:
        if not record.strip("\r\n"):
            return
        cells = _cells(record)
        if not self._columns:
            if isinstance(cells, Problem):
                raise cells
            self._columns = _header(cells)
            return
        self._seen += 1
        yield cells if isinstance(cells, Problem) else self._named(cells)

    def _named(self, cells: list[str]) -> Row:
        if len(cells) != len(self._columns):
            words = f"The row has {len(cells)} cells where the header has {len(self._columns)}"
            return Problem(400, "malformed_row", words)
        return msgspec.json.encode({name: cell for name, cell in zip(self._columns, cells, strict=True) if cell})


def _cells(record: str) -> list[str] | Problem:
    try:
        return next(csv.reader([record], strict=True))
    except csv.Error as error:
        return Problem(400, "malformed_row", f"The row is not valid CSV: {error}")


def _header(cells: list[str]) -> list[str]:
    """Column names as fields of a row. Raises Problem 400 naming every column that is wrong."""
    names = [cell.strip().lower() for cell in cells]
    problems = [
        FieldProblem(name[:SHOWN_CHARS], f"Unknown column: {name[:SHOWN_CHARS]}")
        for name in dict.fromkeys(names)
        if name not in COLUMNS
    ]
    problems += [FieldProblem(name, f"Column given twice: {name}") for name in COLUMNS if names.count(name) > 1]
    problems += [
        FieldProblem(name, f"Missing column: {name}")
        for name, required in COLUMNS.items()
        if required and name not in names
    ]
    if problems:
        raise invalid(problems[:PROBLEMS_SHOWN])
    return names
