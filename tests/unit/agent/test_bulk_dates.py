"""A CSV writes its dates in one order. One that needs two of them to be read is refused whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.contracts.agent.bulk.bulk_request import ROWS_MAX
from api.contracts.agent.bulk.csv_rows import CsvRows
from api.contracts.agent.bulk.rows import BadRow
from api.contracts.agent.date_formats import agent_date
from api.http.errors import Problem
from core.store.inbox.bulk_status import Mode
from ops.importing import report
from ops.importing.api_client import RefusedRow

HEADER = "phone,service_name,booking_date,booking_time"
ISO = "2030-02-05"
EITHER_WAY, DAY_FIRST, MONTH_FIRST = "2/5/2030", "14/2/2030", "2/14/2030"


def a_file(dates: Sequence[str], separator: str = ",") -> str:
    lines = [f"2025551001,Legal,{day},09:00" for day in dates]
    return "\n".join([HEADER, *lines, ""]).replace(",", separator)


def read(text: str, piece: int = 1 << 16) -> list[str]:
    """The dates of its rows; of a bad row, its code. Raises Problem for a file that is refused whole."""
    return [row.code if isinstance(row, BadRow) else json.loads(row)["booking_date"] for row in _rows(text, piece)]


def _rows(text: str, piece: int) -> Iterator[bytes | BadRow]:
    splitter, body = CsvRows(), text.encode()
    for at in range(0, len(body), piece):
        yield from splitter.feed(body[at : at + piece])
    yield from splitter.end()


def refusal(text: str, piece: int = 1 << 16) -> Problem:
    with pytest.raises(Problem) as refused:
        read(text, piece)
    assert (refused.value.status, refused.value.code) == (400, "unreadable_body")
    return refused.value


@pytest.mark.parametrize("day_first", [EITHER_WAY, DAY_FIRST, "2-5-2030", "14-02-2030", " 02/05/2030 "])
@pytest.mark.parametrize("month_first", [MONTH_FIRST, "2-14-2030", " 02/14/2030 "])
@pytest.mark.parametrize("piece", [1, 1 << 16])
def test_a_file_that_needs_two_orders_is_refused_whole(day_first: str, month_first: str, piece: int) -> None:
    for dates, lines in (((day_first, ISO, month_first), (2, 4)), ((ISO, month_first, day_first), (4, 3))):
        problem = refusal(a_file(dates), piece)
        assert f"{day_first.strip()} in line {lines[0]} is read with the day first" in problem.message
        assert f"{month_first.strip()} in line {lines[1]} can only be read with the month first" in problem.message
        assert "format the column as yyyy-mm-dd" in problem.message
        assert problem.message.endswith("Nothing was accepted")
        assert problem.problems[0].field == f"row {max(lines) - 1}"


def test_the_first_line_of_each_order_is_named() -> None:
    dates = (ISO, "3/3/2030", EITHER_WAY, "3/5/2030", DAY_FIRST, MONTH_FIRST, "2/15/2030")
    message = refusal(a_file(dates)).message
    assert f"{EITHER_WAY} in line 4 " in message
    assert f"{MONTH_FIRST} in line 7 " in message


def test_lines_are_those_of_the_file_where_a_cell_goes_over_several() -> None:
    notes = '"one\ntwo\nthree"'
    lines = [f"sep=,\n{HEADER},notes", *(f"1,Legal,{day},09:00,{notes}" for day in (EITHER_WAY, MONTH_FIRST))]
    message = refusal("\n".join(lines)).message
    assert f"{EITHER_WAY} in line 3 " in message
    assert f"{MONTH_FIRST} in line 6 " in message


@pytest.mark.parametrize(
    "dates",
    [
        (EITHER_WAY, "3/5/2030", DAY_FIRST, "03-05-2030", "14-2-2030"),
        (MONTH_FIRST, "2-15-2030", "12/31/2030"),
        (MONTH_FIRST, "5/5/2030", "05-05-2030", ISO),
        (EITHER_WAY, "5/5/2030", ISO),
        (EITHER_WAY, "14.02.2030", "31/31/2030", "2/30/2030", "soon"),
        (MONTH_FIRST, "05.02.2030", "31/31/2030", "30/2/2030", "2/5/30", "2030/2/5", f"{EITHER_WAY} or later"),
    ],
    ids=[
        "day first",
        "month first",
        "month first and the same both ways",
        "either way",
        "bad",
        "bad beside month first",
    ],
)
def test_a_file_that_needs_one_order_is_read_as_before(dates: Sequence[str]) -> None:
    assert read(a_file(dates)) == list(dates)


def test_a_row_that_is_refused_for_something_else_tells_the_order_too() -> None:
    for bad in (f"1,Legal,{MONTH_FIRST},09:00,one more", f"1,Legal,{MONTH_FIRST}", f"?,,{MONTH_FIRST},?"):
        refusal(a_file([EITHER_WAY]) + f"{bad}\n")


@pytest.mark.parametrize("separator", [";", "\t"])
def test_the_order_is_that_of_the_dates_column_only(separator: str) -> None:
    text = f"notes,{HEADER}\n{MONTH_FIRST},1,Legal,{EITHER_WAY},09:00\n".replace(",", separator)
    assert read(text) == [EITHER_WAY]
    assert MONTH_FIRST in refusal(a_file((EITHER_WAY, MONTH_FIRST), separator)).message


@pytest.mark.parametrize("first", [EITHER_WAY, MONTH_FIRST])
def test_the_last_of_ten_thousand_rows_counts_as_the_first(first: str) -> None:
    (last,) = {EITHER_WAY, MONTH_FIRST} - {first}
    rows = ROWS_MAX[Mode.EACH]
    message = refusal(a_file([first, *[ISO] * (rows - 2), last])).message
    assert f"{first} in line 2 " in message
    assert f"{last} in line {rows + 1} " in message


@given(
    days=st.lists(st.dates(date(2030, 1, 1), date(2030, 12, 31)), min_size=1, max_size=6),
    form=st.sampled_from(
        ("{0.day}/{0.month}/{0.year}", "{0.month}/{0.day}/{0.year}", "{0.month:02}-{0.day:02}-{0.year}")
    ),
)
def test_a_file_in_one_order_is_refused_or_read_as_meant_once_a_date_tells_its_order(
    days: list[date], form: str
) -> None:
    """`31/1` or `1/31` tells it."""
    meant = [date(2030, 1, 31), *days]
    try:
        found = read(a_file([form.format(day) for day in meant]))
    except Problem:
        assert form.startswith("{0.month")
        return
    assert [agent_date(day) for day in found] == meant


def test_a_report_of_rows_that_were_accepted_earlier_is_written_all_the_same(tmp_path: Path) -> None:
    file, written = tmp_path / "rows.csv", tmp_path / "rows.refused.csv"
    file.write_text(a_file((EITHER_WAY, MONTH_FIRST)))
    report.write(written, [RefusedRow(2, 409, "slot_taken", "Taken")], file, "text/csv")
    assert MONTH_FIRST in written.read_text()
