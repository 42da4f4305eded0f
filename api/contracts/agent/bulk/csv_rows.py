"""Rows of a CSV file with a header, as spreadsheets write it."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from typing import NoReturn

import msgspec

from api.contracts.agent.bulk import separators
from api.contracts.agent.bulk.csv_records import Record, Records, UnreadableError, cells_of_line
from api.contracts.agent.bulk.rows import CUT_OFF, NOT_UTF8, BadRow, Row, unreadable
from api.contracts.agent.date_formats import DateOrder, agent_date, agent_time, date_order
from api.contracts.agent.new_booking import AgentBooking
from api.http.errors import Problem, invalid
from core.spreadsheets import COMMA, restored
from core.wire.errors import FieldProblem, shown

COLUMNS = {field.encode_name: field.required for field in msgspec.structs.fields(AgentBooking)}
"""By name, in the order of `AgentBooking`: whether a row must have it."""
REPORTED = ("refused_row", "refused_status", "refused_code", "refused_message")
"""Columns that a report of refused rows adds. They are no fields: a report is sent again as it is."""
NAMES = (*COLUMNS, *REPORTED)


class CsvRows:
    """A header and rows; an empty cell is a field that was not sent.

    Blank lines and lines of nothing but separators are no rows. A row of one line that is wrong is refused by
    itself. One that goes over several lines and is wrong may be several rows whose quotes do not match: where it
    ends is uncertain, and the body is refused whole. So is one whose dates are in two orders
    (`DateOrders`), unless it was `accepted` already.
    """

    def __init__(self, *, accepted: bool = False) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._records = Records()
        self.columns: list[str] = []
        """As the header names them, once it is read."""
        self._orders = None if accepted else DateOrders()
        self._seen = 0

    @property
    def separator(self) -> str:
        return self._records.separator or COMMA

    def feed(self, piece: bytes) -> Iterator[Row]:
        try:
            for record in self._records.feed(self._text(piece)):
                yield from self._row(record)
        except UnreadableError as error:
            self._unreadable(str(error))

    def end(self) -> Iterator[Row]:
        try:
            for record in self._records.feed(self._text(b"", final=True)):
                yield from self._row(record)
            for record in self._records.end():
                yield from self._row(record)
        except UnreadableError as error:
            self._unreadable(str(error))
        if not self.columns:
            raise Problem(400, "empty_body", "The body has no header")

    def _text(self, piece: bytes, *, final: bool = False) -> str:
        try:
            return self._decode(piece, final)
        except UnicodeDecodeError:
            self._unreadable(f"{NOT_UTF8}; save it as CSV UTF-8")

    def _unreadable(self, words: str) -> NoReturn:
        unreadable(self._seen + 1, words)

    def _row(self, record: Record) -> Iterator[Row]:
        if record.is_blank:
            return
        if not self.columns:
            self.columns = _header(record, self.separator, declared=self._records.is_declared)
            return
        if len(record.lines) > 1:
            self._check_quotes(record)
        if not record.is_ended and len(record.cells) < len(self.columns):
            self._unreadable(CUT_OFF + self._other_separator(record))
        self._check_order(record)
        self._seen += 1
        yield self._bad(record) or self._named(record.cells)

    def _bad(self, record: Record) -> BadRow | None:
        width, given = len(self.columns), _width(record.cells)
        if record.fault:
            words = f"Line {record.line} is not valid CSV: {record.fault}"
        elif given > width or len(record.cells) < width:
            cells = given if given > width else len(record.cells)
            words = f"The row has {cells} {'cell' if cells == 1 else 'cells'} where the header has {width}"
            words += self._other_separator(record)
        else:
            return None
        fields = [(name, cell) for name, cell in zip(self.columns, record.cells, strict=False) if name in COLUMNS]
        return BadRow(words, {name: restored(cell) for name, cell in fields}, record.cells[width:given])

    def _other_separator(self, record: Record) -> str:
        """What to add where a row has not the header's separator."""
        found = separators.of_row(record.lines[0], len(self.columns), self.separator)
        if not found or len(record.lines) > 1:
            return ""
        return f"; it seems to be separated by {separators.quoted(found)}, not {separators.quoted(self.separator)}"

    def _named(self, cells: Sequence[str]) -> bytes:
        sent = {
            name: restored(cell) for name, cell in zip(self.columns, cells, strict=False) if cell and name in COLUMNS
        }
        return msgspec.json.encode(sent)

    def _check_order(self, record: Record) -> None:
        """The date of a refused row counts too: it shows how the others are meant."""
        column = self.columns.index("booking_date")
        if self._orders is None or column >= len(record.cells):
            return
        if words := self._orders.conflict(record.line, record.cells[column]):
            self._unreadable(words)

    def _check_quotes(self, record: Record) -> None:
        """A record of several lines is one row for certain, or the body is refused."""
        last = record.line + len(record.lines) - 1
        lines = f"a quote joins lines {record.line} to {last} into one row"
        if self._bad(record):
            self._unreadable(f"{lines}, which is not a valid one; close that quote")
        if all(self._could_be_row(line) for line in record.lines if line.strip()):
            self._unreadable(f"{lines}, though each line could be a row; close that quote")

    def _could_be_row(self, line: str) -> bool:
        """Whether a line by itself has a date and a time in their columns."""
        separator = self.separator
        return any(map(self._reads_as_row, (line.split(separator), cells_of_line(line, separator))))

    def _reads_as_row(self, cells: Sequence[str]) -> bool:
        if len(cells) < len(self.columns):
            return False
        day, at = (cells[self.columns.index(name)].strip(' "') for name in ("booking_date", "booking_time"))
        return agent_date(day) is not None and agent_time(at) is not None


def _width(cells: Sequence[str]) -> int:
    """How many cells there are up to the last one that is not empty."""
    return next((n for n in range(len(cells), 0, -1) if cells[n - 1].strip()), 0)


def _header(record: Record, separator: str, *, declared: bool) -> list[str]:
    """Column names as fields of a row. Raises Problem 400 naming every column that is wrong, or the separator."""
    names = [cell.strip().lower() for cell in record.cells[: _width(record.cells)]]
    problems = [_unknown(n, name) for n, name in enumerate(names, 1) if name not in COLUMNS and name not in REPORTED]
    problems += [FieldProblem(name, f"Column given twice: {name}") for name in COLUMNS if names.count(name) > 1]
    problems += [
        FieldProblem(name, f"Missing column: {name}")
        for name, required in COLUMNS.items()
        if required and name not in names
    ]
    if (problems or record.fault) and (
        words := separators.of_header(record.lines[0], NAMES, separator, declared=declared)
    ):
        raise invalid([FieldProblem(f"line {record.line}", words)])
    if record.fault:
        raise Problem(400, "malformed_row", f"Line {record.line} is not valid CSV: {record.fault}")
    if problems:
        raise invalid(list(dict.fromkeys(problems)))
    return names


def _unknown(number: int, name: str) -> FieldProblem:
    if not name:
        return FieldProblem(f"column {number}", f"Column {number} has no name")
    return FieldProblem(shown(name), f"Unknown column: {shown(name)}")


class DateOrders:
    """The first date of each order that a file has shown so far, and its line.

    A file has one order. A spreadsheet that shows the month first saves 5 February as `2/5/2030`, which is read as
    2 May; only a date such as `2/14/2030` gives it away.
    """

    def __init__(self) -> None:
        self._first: dict[DateOrder, str] = {}

    def conflict(self, line: int, sent: str) -> str:
        """What is wrong once a file has shown both orders; empty until then."""
        order = date_order(sent)
        if order is None or order in self._first:
            return ""
        self._first[order] = f"{sent.strip()} in line {line}"
        if len(self._first) < len(DateOrder):
            return ""
        return (
            f"the dates are in two orders: {self._first[DateOrder.DAY_FIRST]} is read with the day first, and "
            f"{self._first[DateOrder.MONTH_FIRST]} can only be read with the month first; "
            "format the column as yyyy-mm-dd"
        )
