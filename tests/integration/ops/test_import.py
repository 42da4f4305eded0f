"""`holdfast import`, as somebody at a shell meets it: one file, one batch, a report of what was refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from core.identity.demo_accounts import AGENT_KEY
from core.text_forms import BAD_DATE, BAD_PHONE, BAD_TIME
from ops.cli import main
from tests.support.clients.bulks import as_csv, new_services, refused, rows_for, with_refusals
from tests.support.clients.callers import STAFF, USER, access_for
from tests.support.clients.http_client import admin
from tests.support.processes.stack import Stack

SPELT_OUT = {"Invalid date format": BAD_DATE, "Invalid time format": BAD_TIME}
"""An answer has the agents' document's words as its message and the formats in its errors; a report has one column."""


@pytest.fixture(autouse=True)
def at_home(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_URL", stack.api_url)
    monkeypatch.setenv("HOLDFAST_TOKEN", AGENT_KEY)


def report_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as lines:
        return list(csv.DictReader(lines))


def test_a_file_is_booked_and_the_refused_rows_are_reported_with_what_was_sent(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, expected = with_refusals(rows_for(new_services(stack, 20), 200), bad=8, collisions=4)
    rows[3] = {**rows[3], "notes": "=HYPERLINK(1)", "phone": "+1"}
    expected[4] = (400, BAD_PHONE)
    file = tmp_path / "bookings.csv"
    file.write_bytes(as_csv(rows))
    assert main(["import", str(file)]) == 3
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        f"{200 - len(expected)} of 200 rows booked, {len(expected)} refused.",
        f"The refused rows are in {tmp_path}/bookings.refused.csv.",
    ]
    assert "200 of 200 rows" in said.err
    report = report_of(tmp_path / "bookings.refused.csv")
    told = {int(row["refused_row"]): (int(row["refused_status"]), row["refused_message"]) for row in report}
    assert told == {row: (status, SPELT_OUT.get(words, words)) for row, (status, words) in expected.items()}
    assert (report[0]["notes"], report[0]["phone"]) == ("'=HYPERLINK(1)", "'+1")
    assert report[1]["service_name"] == rows[int(report[1]["refused_row"]) - 1]["service_name"]


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_other_formats_are_told_by_the_files_name(stack: Stack, tmp_path: Path, form: str) -> None:
    rows: list[Any] = [*rows_for(new_services(stack, 2), 3), "no row"]
    file = tmp_path / f"bookings.{form}"
    file.write_text(json.dumps(rows) if form == "json" else "\n".join(map(json.dumps, rows)))
    assert main(["import", str(file), "--token", access_for(stack, STAFF)]) == 3
    assert [row["refused_row"] for row in report_of(file.with_suffix(".refused.csv"))] == ["4"]


def test_a_dry_run_reports_the_same_and_books_nothing(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, expected = with_refusals(rows_for(new_services(stack, 5), 40), bad=2, collisions=2)
    file, report = tmp_path / "bookings.csv", tmp_path / "elsewhere.csv"
    file.write_bytes(as_csv(rows))
    for _ in range(2):
        assert main(["import", str(file), "--dry-run", "--report", str(report)]) == 3
        assert "36 of 40 rows would be booked, 4 refused." in capsys.readouterr().out
    assert [int(row["refused_row"]) for row in report_of(report)] == sorted(expected)
    with admin(stack.api_url) as staff:
        found = staff.post("/api/agent/bookings/bulk/?dry_run=true", json=rows).json()["rows"]
    assert set(refused(found)) == set(expected)


def test_a_whole_file_without_refusals_ends_with_0_and_writes_no_report(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "bookings.csv"
    file.write_bytes(as_csv(rows_for(new_services(stack, 2), 4)))
    assert main(["import", str(file), "--mode", "all_or_nothing"]) == 0
    assert list(tmp_path.iterdir()) == [file]


def test_a_report_is_corrected_and_sent_again_as_it_is(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its cells as text, the columns of the refusals still in it; what was not corrected is refused as before."""
    rows = rows_for(new_services(stack, 2), 6, notes='=1+1; 6" pipe, "big"\nsecond line')
    rows[1]["phone"], rows[4]["phone"] = "2025551050.0", "+1 202 555 0104 ext. 4"
    rows[2]["booking_date"] = "soon"
    file, report = tmp_path / "bookings.csv", tmp_path / "bookings.refused.csv"
    file.write_bytes(as_csv(rows).replace(b"\r\n", b",,\r\n", 1) + b",,,\r\n")
    assert main(["import", str(file)]) == 3
    assert "3 of 6 rows booked, 3 refused." in capsys.readouterr().out
    sent = report.read_bytes()
    assert sent.startswith(b"\xef\xbb\xbf")
    assert "without its decimals" in sent.decode()
    report.write_bytes(sent.replace(b"2025551050.0", b"2025551050").replace(b" ext. 4", b""))
    assert main(["import", str(report)]) == 3
    assert "2 of 3 rows booked, 1 refused." in capsys.readouterr().out
    (left,) = report_of(tmp_path / "bookings.refused.refused.csv")
    assert (left["booking_date"], left["refused_message"]) == ("soon", BAD_DATE)
    with stack.database() as connection:
        notes = connection.execute(
            "SELECT DISTINCT notes FROM booking WHERE service_name = %s", (rows[0]["service_name"],)
        ).fetchall()
    assert [str(note) for (note,) in notes] == [rows[0]["notes"]]


def test_what_keeps_an_import_from_beginning_is_said_in_a_sentence(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bookings.csv"
    file.write_text("phone~service_name\n1~2\n")

    def complaint(*arguments: str) -> str:
        assert main(["import", *arguments]) == 1
        return capsys.readouterr().err

    assert "There is no file" in complaint(str(tmp_path / "nothing.csv"))
    assert "must end in one of .csv" in complaint(__file__)
    assert "separated by '~'" in complaint(str(file))
    assert "agent key" in complaint(str(file), "--token", "hfa_forged")
    assert "agent key" in complaint(str(file), "--token", access_for(stack, USER))
    monkeypatch.setattr("ops.importing.api_client.TRIES", 1)
    assert "does not answer" in complaint(str(file), "--url", "http://127.0.0.1:9")
    monkeypatch.delenv("HOLDFAST_TOKEN")
    assert "HOLDFAST_TOKEN" in complaint(str(file))
