"""CSV as spreadsheets and people write it: quotes, separators, leftovers, and rows that are never merged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.contracts.agent.bulk.csv_rows import REPORTED, CsvRows
from api.contracts.agent.bulk.rows import ROW_MAX_BYTES, BadRow
from api.http.errors import Problem

COLUMNS = ("phone", "service_name", "booking_date", "booking_time", "notes")
HEADER = ",".join(COLUMNS)


def rows_of(text: str | bytes, piece: int = 1 << 16) -> list[Any]:
    """Each row by itself: its fields, or the code of its refusal."""
    body = text if isinstance(text, bytes) else text.encode()
    return [row.code if isinstance(row, BadRow) else json.loads(row) for row in _rows(body, piece)]


def _rows(body: bytes, piece: int) -> Iterator[bytes | BadRow]:
    splitter = CsvRows()
    for at in range(0, len(body), piece):
        yield from splitter.feed(body[at : at + piece])
    yield from splitter.end()


def bookings(*notes: str) -> str:
    """A file with a row for each of these cells, written as they are."""
    lines = [f"20255510{n:02},Legal,2030-01-07,{9 + n}:00,{cell}" for n, cell in enumerate(notes)]
    return "\n".join([HEADER, *lines]) + "\n"


def notes_of(*cells: str, piece: int = 1 << 16) -> list[Any]:
    return [row if isinstance(row, str) else row.get("notes", "") for row in rows_of(bookings(*cells), piece)]


@pytest.mark.parametrize("piece", [1, 7, 1 << 16])
def test_a_quote_inside_a_cell_is_a_character_like_others(piece: int) -> None:
    cells = ('6" pipe', 'the "big" room', 'a"', "plain", "5' 6\"", 'x""y', ' "quoted" after a blank')
    assert notes_of(*cells, piece=piece) == list(cells)


@pytest.mark.parametrize("piece", [1, 7, 1 << 16])
def test_a_quote_at_the_beginning_opens_a_cell(piece: int) -> None:
    cells = ('"a, b"', '"say ""x"""', '"two\nlines"', '""', '""""', '"6"" pipe"')
    assert notes_of(*cells, piece=piece) == ["a, b", 'say "x"', "two\nlines", "", '"', '6" pipe']


@pytest.mark.parametrize("cell", ['"6" pipe', '"a"b', '""a"', '"a" '])
def test_what_follows_a_closing_quote_is_that_rows_own_problem(cell: str) -> None:
    assert notes_of("first", cell, "last") == ["first", "malformed_row", "last"]


OPEN = (
    (("first", '"never closed', "last"), "line 3"),
    (("first", '"never closed', '"a" note'), "lines 3 to 4"),
    (("first", '"never closed', "between", '"never closed either'), "lines 3 to 5"),
    (("first", '"', '"', "last"), "lines 3 to 4"),
    (("first", '"', "between", '"', "last"), "lines 3 to 5"),
    (('"', "a", "b", '"'), "lines 2 to 5"),
    (("first", '"never closed', '"a, b"'), "lines 3 to 4"),
)
"""Cells of which one opens a quote that only another row closes, or none; and what is said of it."""


@pytest.mark.parametrize(("cells", "where"), OPEN, ids=lambda value: ascii(value)[:40])
@pytest.mark.parametrize("piece", [3, 1 << 16])
def test_rows_are_never_merged_in_silence(cells: tuple[str, ...], where: str, piece: int) -> None:
    with pytest.raises(Problem) as refused:
        notes_of(*cells, piece=piece)
    assert refused.value.code == "unreadable_body"
    assert where in refused.value.message
    assert "quote" in refused.value.message


def test_ditto_marks_merge_no_rows() -> None:
    lines = [f'202555100{n},",2030-01-07,{n}:00,"' for n in (7, 8, 9)]
    assert rows_of("\n".join([HEADER, *lines, ""])) == ["malformed_row"] * 3


def test_a_quote_that_opens_a_cell_too_long_is_named() -> None:
    with pytest.raises(Problem, match="opens a cell in line 3"):
        notes_of("first", '"' + "x\n" * ROW_MAX_BYTES)


def test_a_cell_of_several_lines_with_commas_is_one_row() -> None:
    cell = '"bring: a, b, c, d, e, f\non 2030-01-07, 09:00, at the door, please, thanks"'
    assert notes_of("first", cell, "last") == ["first", cell.strip('"'), "last"]


def test_what_spreadsheets_leave_behind_is_left_out() -> None:
    text = (
        f"{HEADER},,\n"
        ",,,,,,\n"
        "1,Legal,2030-01-07,09:00,,,\n"
        "2,Legal,2030-01-07,10:00,x\n"
        ' , ,"",,\n'
        ",\n"
        "3,Legal,2030-01-07,11:00,,,,,,\n"
        "\n\r\n"
        "4,Legal,2030-01-07,12:00,,, ,\n"
        ",,,,,,\n"
        ",,"
    )
    assert [row["phone"] for row in rows_of(text)] == ["1", "2", "3", "4"]


def test_one_cell_is_counted_as_one() -> None:
    [row] = _rows(f"{HEADER}\n1\n".encode(), 1 << 16)
    assert isinstance(row, BadRow)
    assert row.message == "The row has 1 cell where the header has 5"


def test_a_value_in_a_column_without_a_name_is_that_rows_own_problem() -> None:
    assert rows_of(f"{HEADER},\n1,Legal,2030-01-07,09:00,,x\n") == ["malformed_row"]


def test_a_column_without_a_name_between_others_is_named() -> None:
    with pytest.raises(Problem) as refused:
        rows_of("phone,,service_name,booking_date,booking_time\n1,,Legal,2030-01-07,09:00\n")
    assert [(one.field, one.message) for one in refused.value.problems] == [("column 2", "Column 2 has no name")]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "bar"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("first", ["", "sep="])
@pytest.mark.parametrize("piece", [1, 1 << 16])
def test_separators_and_line_ends_are_the_files_own(separator: str, line_end: str, first: str, piece: int) -> None:
    cells = ["2025551001", '"a, b; c\td | e"', "2030-01-07", "09:00", '"two' + line_end + 'lines"']
    lines = [*([first + separator] if first else []), separator.join(COLUMNS), *[separator.join(cells)] * 2]
    for last in ("", line_end):
        text = line_end.join(lines) + last
        found = rows_of(text, piece)
        assert [(row["service_name"], row["notes"]) for row in found] == [("a, b; c\td | e", f"two{line_end}lines")] * 2


def test_a_line_end_in_a_cell_without_quotes_is_that_rows_own_problem() -> None:
    assert notes_of("first", "one\rtwo", "last") == ["first", "malformed_row", "last"]


def test_a_text_that_is_not_utf8_is_refused_with_a_hint() -> None:
    with pytest.raises(Problem, match="save it as CSV UTF-8"):
        rows_of(f"{HEADER}\n1,caf\xe9,,,\n".encode("latin-1"))


def test_columns_of_a_report_are_no_fields_and_neutralised_cells_are_restored() -> None:
    text = f"{','.join(REPORTED)},{HEADER}\n7,409,slot_taken,This time,'+12025551050,Legal,2030-01-07,09:00,'=1+1\n"
    assert rows_of(text) == [
        {
            "phone": "+12025551050",
            "service_name": "Legal",
            "booking_date": "2030-01-07",
            "booking_time": "09:00",
            "notes": "=1+1",
        }
    ]


PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00,;\t"), max_size=12).filter(
    lambda cell: not cell.startswith(('"', "'"))
)


@given(cells=st.lists(PLAIN, max_size=20), piece=st.integers(1, 40))
def test_the_count_is_the_files_whatever_quotes_are_in_its_cells(cells: list[str], piece: int) -> None:
    assert notes_of(*cells, piece=piece) == cells


@given(cells=st.lists(st.sampled_from(['"', '""', 'a"', '"a', '"a"', "a", "", '"a"b', '"""']), max_size=8))
def test_every_line_is_a_row_or_a_refusal_or_the_body_is_refused(cells: list[str]) -> None:
    """A cell that no quote opens and closes is read as one, or told."""
    found: Any = cells
    with suppress(Problem):
        found = notes_of(*cells)
    assert len(found) == len(cells)
