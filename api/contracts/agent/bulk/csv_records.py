"""A CSV text cut into records as it arrives, by Excel's rules. Pure: text in, records out.

A quote opens a cell only at the cell's beginning, where RFC 4180 has it; any other is a character like the rest
(`6" pipe`). Which separator a file has, and which line ends, its first line tells.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from api.contracts.agent.bulk.rows import ROW_MAX_BYTES
from core.spreadsheets import COMMA, SEPARATORS

QUOTE = '"'
_DECLARED = re.compile(r"sep=([,;\t|])", re.IGNORECASE)
"""A first line for Excel alone."""
_OLD_MAC = "\r"
_SPECIAL = re.compile(r'["\r\n]')
AFTER_QUOTE = "something follows the quote that closes a cell; double the quotes inside a quoted cell"
LINE_END_INSIDE = "a cell without quotes holds a line end"


class UnreadableError(Exception):
    """It is not certain where a record ends."""


class Record(Struct, frozen=True):
    """One row of a file, header and blank rows among them."""

    lines: Sequence[str]
    """As they were sent, without their ends."""
    line: int
    """Of the file, counted from 1: where it begins."""
    cells: Sequence[str]
    fault: str = ""
    """What is wrong with it, though it is clear where it ends."""
    is_ended: bool = True
    """By a line end; the last one of a file may be cut off."""

    @property
    def is_blank(self) -> bool:
        """Nothing but separators, as spreadsheets leave behind."""
        return not any(cell.strip() for cell in self.cells)


class Records:
    def __init__(self) -> None:
        self.separator = ""
        self.is_declared = False
        """Whether a line for Excel says which separator the file has."""
        self._line_end = ""
        self._rest = ""
        self._line = 0
        self._record: _Record | None = None

    def feed(self, text: str) -> Iterator[Record]:
        """The records that end in this text. Raises UnreadableError."""
        self._rest += text
        self._line_end = self._line_end or self._first_line_end()
        *lines, self._rest = self._rest.split(self._line_end) if self._line_end else [self._rest]
        for line in lines:
            bare = line.rstrip("\r")
            yield from self._add(bare, line[len(bare) :] + self._line_end)
        self._check_length(self._record, len(self._rest))

    def end(self) -> Iterator[Record]:
        """The records that end with the text. Raises UnreadableError for a quote that is never closed."""
        if self._rest:
            yield from self._add(self._rest.rstrip("\r"), "")
        if self._record is not None:
            raise UnreadableError(f"the quote that opens a cell in line {self._record.opened} is never closed")

    def _first_line_end(self) -> str:
        """The line end of the whole file; nothing while it is not known."""
        head, line_end, _ = self._rest.partition("\n")
        return _OLD_MAC if _OLD_MAC in head.rstrip("\r") else line_end

    def _add(self, line: str, line_end: str) -> Iterator[Record]:
        self._line += 1
        if not self.separator:
            if declared := _DECLARED.fullmatch(line):
                self.separator, self.is_declared = declared[1], True
                return
            self.separator = max(SEPARATORS, key=line.count) if line else ""
        record = self._record or _Record(self._line, self.separator or COMMA)
        record.add(line, line_end)
        self._check_length(record)
        self._record = record if record.is_open else None
        if not record.is_open:
            yield record.finished(is_ended=bool(line_end))

    def _check_length(self, record: _Record | None, more: int = 0) -> None:
        if (record.length if record else 0) + more <= ROW_MAX_BYTES:
            return
        words = f"the row is longer than {ROW_MAX_BYTES} bytes"
        if record and record.is_open:
            words += f", and the quote that opens a cell in line {record.opened} is not closed by then"
        raise UnreadableError(words)


class _Record:
    """A record under way, line by line."""

    def __init__(self, line: int, separator: str) -> None:
        self.opened = 0
        """In which line the last quote opened a cell."""
        self.length = 0
        self._begins = line
        self._separator = separator
        self._lines: list[str] = []
        self._cells: list[str] = []
        self._quoted: list[str] | None = None
        """The pieces of a cell whose quote is open."""
        self._fault = ""

    @property
    def is_open(self) -> bool:
        return self._quoted is not None

    def finished(self, *, is_ended: bool) -> Record:
        return Record(self._lines, self._begins, self._cells, self._fault, is_ended)

    def add(self, line: str, line_end: str) -> None:
        self.length += len(line) + len(line_end)
        self._lines.append(line)
        if self._quoted is None and (cells := _cells_at_once(line, self._separator)):
            self._cells = cells
            return
        at = 0
        while at <= len(line):
            if self._quoted is not None:
                at = self._inside(line, at, line_end)
            elif line.startswith(QUOTE, at):
                self._quoted, self.opened = [], self._begins + len(self._lines) - 1
                at += 1
            else:
                at = self._plain(line, at)

    def _plain(self, line: str, at: int) -> int:
        end = self._cell_end(line, at)
        cell = line[at:end]
        if "\r" in cell or "\n" in cell:
            self._fault = self._fault or LINE_END_INSIDE
        self._cells.append(cell)
        return end + 1

    def _inside(self, line: str, at: int, line_end: str) -> int:
        assert self._quoted is not None  # noqa: S101 - only asked inside quotes
        close = line.find(QUOTE, at)
        if close < 0:
            self._quoted.append(line[at:] + line_end)
            return len(line) + 1
        if line.startswith(QUOTE, close + 1):
            self._quoted.append(line[at : close + 1])
            return close + 2
        end = self._cell_end(line, close + 1)
        self._close("".join(self._quoted) + line[at:close], line[close + 1 : end])
        return end + 1

    def _close(self, cell: str, after: str) -> None:
        self._quoted = None
        if after:
            self._fault = self._fault or AFTER_QUOTE
            cell = QUOTE + cell.replace(QUOTE, QUOTE * 2) + QUOTE + after  # as it was sent
        self._cells.append(cell)

    def _cell_end(self, line: str, at: int) -> int:
        end = line.find(self._separator, at)
        return len(line) if end < 0 else end


def _cells_at_once(line: str, separator: str) -> list[str] | None:
    """A whole and faultless line, the fast way. The csv module opens cells by the same rule."""
    if not _SPECIAL.search(line):
        return line.split(separator)
    try:
        return next(csv.reader((line,), delimiter=separator, strict=True))
    except csv.Error:
        return None


def cells_of_line(line: str, separator: str) -> Sequence[str]:
    """One line read by itself; a quote left open ends with it."""
    record = _Record(1, separator)
    record.add(line, "")
    if record.is_open:
        record.add(QUOTE, "")
    return record.finished(is_ended=True).cells
