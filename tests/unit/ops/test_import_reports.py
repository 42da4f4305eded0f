"""Reports of refused rows: text to every spreadsheet, and the same rows again when they are sent as they are."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.contracts.agent.bulk.csv_rows import COLUMNS, REPORTED, CsvRows
from api.contracts.agent.bulk.rows import BadRow
from core.spreadsheets import ENCODING, restored, safe
from ops.importing import report
from ops.importing.api_client import RefusedRow

ROOT = Path(__file__).resolve().parents[3]
BEGINNINGS = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
    "\ufe66",
    "\ufe62",
    "\ufe63",
    "\ufe6b",
    "\u2212",
    " =",
    "\u00a0\uff1d",
)
"""Of formulas, in the half of the world where the signs are wide too."""
MESSAGE = "=HYPERLINK(1)"


@pytest.mark.parametrize("begins", BEGINNINGS, ids=ascii)
@pytest.mark.parametrize("quotes", ["", "'", "''"])
def test_a_cell_that_a_spreadsheet_would_calculate_becomes_text_and_is_restored(begins: str, quotes: str) -> None:
    cell = f"{quotes}{begins}1+1"
    assert safe(cell) == f"'{cell}"
    assert restored(safe(cell)) == cell


@pytest.mark.parametrize("cell", ["", "Ann", "09:00", "2=2", "'quoted", "'", "a\n=1", "2025551050"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert safe(cell) == restored(cell) == cell


@given(cell=st.text(st.characters(codec="utf-8") | st.sampled_from("'=+-@\t\r\n\uff1d\uff0b\uff0d\uff20 "), max_size=8))
def test_whatever_a_cell_holds_it_is_restored(cell: str) -> None:
    assert restored(safe(cell)) == cell


def test_everything_that_we_write_as_csv_is_written_in_one_place() -> None:
    code = [path for part in ("api", "core", "notifier", "ops", "workers") for path in (ROOT / part).rglob("*.py")]
    assert len(code) > 300
    assert [path.name for path in code if "csv.writer" in path.read_text() or "DictWriter" in path.read_text()] == [
        "spreadsheets.py"
    ]


CELL = st.text(st.characters(codec="utf-8") | st.sampled_from("'=+-@\t\r\n\uff1d\uff0b\uff0d\uff20 \",;"), max_size=10)
ROWS = st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, CELL)), min_size=1, max_size=5)


def sent_again(file: Path, media_type: str, rows: int) -> tuple[list[Any], str]:
    """What an upload of the file's report reads, were all its rows refused; and the report."""
    refused = [RefusedRow(n, 400, "invalid", MESSAGE) for n in range(1, rows + 1)]
    written = file.with_suffix(".refused.csv")
    report.write(written, refused, file, media_type)
    again = CsvRows()
    read = chain(again.feed(written.read_bytes()), again.end())
    return [row if isinstance(row, BadRow) else json.loads(row) for row in read], written.read_text(ENCODING)


def sent_cells(rows: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    return [{name: cell for name, cell in row.items() if cell} for row in rows]


@settings(max_examples=40)
@given(rows=ROWS, separator=st.sampled_from(",;\t"))
def test_a_report_of_a_csv_is_the_same_rows_when_it_is_sent_again(rows: list[dict[str, str]], separator: str) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "rows.csv"
        with file.open("w", newline="", encoding="utf-8") as out:
            csv.writer(out, delimiter=separator).writerows(
                [[*COLUMNS, ""], *([*(safe(row[name]) for name in COLUMNS), ""] for row in rows), [""] * 12]
            )
        sent = [row for row in rows if any(map(str.strip, row.values()))]
        found, text = sent_again(file, "text/csv", len(sent))
    assert found == sent_cells(sent)
    assert text.startswith(separator.join((*REPORTED, *COLUMNS)))


@settings(max_examples=40)
@given(rows=ROWS, form=st.sampled_from(["application/json", "application/x-ndjson"]))
def test_a_report_of_json_is_the_same_rows_when_it_is_sent(rows: list[dict[str, str]], form: str) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        file.write_text(json.dumps(rows) if form == "application/json" else "\n".join(map(json.dumps, rows)))
        found, _ = sent_again(file, form, len(rows))
    assert found == sent_cells(rows)


def test_values_that_are_no_text_are_written_as_json_and_nulls_as_nothing(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.write_text(
        '[{"phone": 2025551050, "notes": null, "status": {"a": [1]}, "colour": "red", "refused_row": 9}, 7]'
    )
    report.write(
        tmp_path / "out.csv",
        [RefusedRow(1, 400, "invalid", "no"), RefusedRow(2, 400, "invalid", "no")],
        file,
        "application/json",
    )
    with (tmp_path / "out.csv").open(newline="", encoding=ENCODING) as lines:
        header, first, second = csv.reader(lines)
    assert header == [*REPORTED, "phone", "service_name", "booking_date", "booking_time", "notes", "status", "colour"]
    assert first == ["1", "400", "invalid", "no", "2025551050", "", "", "", "", '{"a":[1]}', "red"]
    assert second == ["2", "400", "invalid", "no", *[""] * 7]


def test_a_row_that_cannot_be_read_is_reported_as_it_was_sent(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(
        'phone,service_name,booking_date,booking_time,notes\n1,"A" B,2030-01-07,09:00,\n1,A\n1,A,d,t,,x,=y\n'
    )
    found, text = sent_again(file, "text/csv", 3)
    assert text.splitlines()[1:] == [
        '1,400,invalid,\'=HYPERLINK(1),1,"""A"" B",2030-01-07,09:00,',
        "2,400,invalid,'=HYPERLINK(1),1,A,,,",
        "3,400,invalid,'=HYPERLINK(1),1,A,d,t,,x,'=y",
    ]
    assert [row if isinstance(row, dict) else row.message for row in found] == [
        {"phone": "1", "service_name": '"A" B', "booking_date": "2030-01-07", "booking_time": "09:00"},
        {"phone": "1", "service_name": "A"},
        "The row has 11 cells where the header has 9",
    ]
