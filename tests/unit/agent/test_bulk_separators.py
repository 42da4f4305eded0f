"""A CSV with another separator than the one it is read with is told which it seems to have."""

from __future__ import annotations

from itertools import chain

import pytest

from api.contracts.agent.bulk.csv_rows import NAMES, CsvRows
from api.contracts.agent.bulk.rows import BadRow
from api.contracts.agent.bulk.separators import UNDERSTOOD, quoted
from api.http.errors import Problem
from core.spreadsheets import SEPARATORS
from tests.support.conformance.sentences import unclear_wording

COLUMNS = ("phone", "service_name", "booking_date", "booking_time", "notes")
CELLS = ("2025551001", "Legal", "2030-01-07", "09:00", "x")
OTHERS = {
    ":": "':'",
    "/": "'/'",
    "~": "'~'",
    " ": "spaces",
    "   ": "spaces",
    " : ": "':'",
    "::": "':'",
    "^": "the character U+005E (circumflex accent)",
    "\x1f": "the character U+001F",
    "\uff0c": "the character U+FF0C (fullwidth comma)",
    "\u3001": "the character U+3001 (ideographic comma)",
    "\u060c": "the character U+060C (arabic comma)",
    "\u2502": "the character U+2502 (box drawings light vertical)",
}
"""Separators that are not understood, and what they are called."""


def messages(*lines: str) -> list[str]:
    """What is said of a file: of the whole, or of each row."""
    splitter = CsvRows()
    try:
        rows = [*splitter.feed("".join(f"{line}\n" for line in lines).encode()), *splitter.end()]
    except Problem as problem:
        return [problem.message]
    return [row.message if isinstance(row, BadRow) else "" for row in rows]


@pytest.mark.parametrize("separator", OTHERS, ids=ascii)
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_header_with_a_separator_that_is_not_understood_is_told_which_are(separator: str, quote: str) -> None:
    header, row = (separator.join(f"{quote}{cell}{quote}" for cell in line) for line in (COLUMNS, CELLS))
    [said] = messages(header, row)
    assert said == f"The columns seem to be separated by {OTHERS[separator]}; separate them by {UNDERSTOOD}"
    assert not unclear_wording(said)


@pytest.mark.parametrize("separator", SEPARATORS, ids=ascii)
@pytest.mark.parametrize("declared", SEPARATORS, ids=ascii)
def test_a_line_for_excel_that_names_another_separator_than_the_file_has_is_named(
    separator: str, declared: str
) -> None:
    said = messages(f"sep={declared}", separator.join(COLUMNS), separator.join(CELLS))
    if separator == declared:
        assert said == [""]
    else:
        assert said[0].startswith(f"The file seems to be separated by {quoted(separator)}, not {quoted(declared)}")
        assert not unclear_wording(said[0])


def test_a_line_for_excel_that_names_a_separator_that_is_not_understood_is_named() -> None:
    [said] = messages("sep=:", ":".join(COLUMNS), ":".join(CELLS))
    assert said == f"sep= names ':' as the separator; write the file with {UNDERSTOOD}"


@pytest.mark.parametrize("separator", SEPARATORS, ids=ascii)
@pytest.mark.parametrize("other", SEPARATORS, ids=ascii)
def test_a_row_with_another_separator_than_the_header_is_told_so(separator: str, other: str) -> None:
    said = messages(separator.join(COLUMNS), separator.join(CELLS), other.join(CELLS), separator.join(CELLS))
    bad = f"; it seems to be separated by {quoted(other)}, not {quoted(separator)}"
    assert said == ["", "" if separator == other else f"The row has 1 cell where the header has 5{bad}", ""]


def test_a_last_row_with_another_separator_is_not_only_called_cut_off() -> None:
    splitter = CsvRows()
    with pytest.raises(Problem, match="it seems to be separated by ';', not ','"):
        tuple(chain(splitter.feed(f"{','.join(COLUMNS)}\n{';'.join(CELLS)}".encode()), splitter.end()))


def test_quotes_around_each_whole_line_are_named() -> None:
    assert messages(f'"{",".join(COLUMNS)}"', f'"{",".join(CELLS)}"') == [
        "The whole header stands in one pair of quotes; leave them out"
    ]


@pytest.mark.parametrize(
    "header",
    ["phone,service_name,booking_date", "a;b;c", "phone;service_name,booking_date;booking_time", "name of the service"],
)
def test_a_header_that_is_wrong_otherwise_is_told_its_columns(header: str) -> None:
    [said] = messages(header)
    assert said.startswith(("Unknown column: ", "Missing column: "))


def test_a_row_with_a_cell_too_many_is_not_taken_for_another_separator() -> None:
    assert messages(",".join(COLUMNS), ",".join([*CELLS, "y"])) == ["The row has 6 cells where the header has 5"]


def test_every_separator_that_is_understood_is_said_to_be() -> None:
    words = {",": "comma", ";": "semicolon", "\t": "tab", "|": "|"}
    assert set(words) == set(SEPARATORS)
    assert all(word in UNDERSTOOD for word in words.values())
    assert len(set(NAMES)) == len(NAMES)
