"""`holdfast export bookings`: every booking of one moment, as CSV or JSON lines, in a file that is whole or not there."""

from __future__ import annotations

import csv
import io
import json
import stat
from pathlib import Path
from typing import Any, get_args

import pytest

from core.spreadsheets import restored
from core.store.lists import exported_bookings
from core.wire.outcomes import ANSWERS
from ops.cli import main
from ops.cli.records import bookings
from tests.support.engine.lanes import Pipeline, places
from tests.support.processes.servers import stack_environment
from tests.support.values import MONDAY

HOSTILE = "=HYPERLINK(\"https://evil.example\"),'ok'\nnext line"
SQL_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast export'"


@pytest.fixture
def booked(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Five bookings of one Monday: the third has a hostile note, and the fourth is deleted."""
    pipeline.one_lane()
    pipeline.put(*places(5))
    pipeline.worker().visit_until_done()
    pipeline.connection.execute("UPDATE booking SET notes = %s WHERE id = 3", [HOSTILE])
    pipeline.connection.execute("UPDATE booking SET deleted_at = clock_timestamp() WHERE id = 4")
    for name, value in stack_environment(pipeline.url, "redis://127.0.0.1:1/0").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(exported_bookings, "CURSOR_ROWS", 2)
    return pipeline


def audited(pipeline: Pipeline) -> list[Any]:
    sql = "SELECT actor_kind, subject, after FROM audit_entry WHERE action = 'booking.exported' ORDER BY id"
    return pipeline.rows(sql)


def lines(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert main(["export", "bookings", "--format", "jsonl", *words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_csv_file_is_safe_to_open_and_its_owners_alone(
    booked: Pipeline, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bookings.csv"
    assert main(["export", "bookings", "--output", str(file)]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"4 bookings in {file}, ")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"), newline="")))
    assert [row["id"] for row in rows] == ["1", "2", "3", "5"]
    assert rows[2]["notes"] == f"'{HOSTILE}"
    assert restored(rows[2]["notes"]) == HOSTILE
    assert (rows[0]["booking_date"], rows[0]["kind"], rows[0]["starts_at"][-1]) == (MONDAY.isoformat(), "", "Z")
    assert audited(booked) == [("command_line", "database:1", {"bookings": 4, "format": "csv"})]
    assert main(["export", "bookings", "--output", str(file)]) == 1
    assert capsys.readouterr().err.startswith(f"holdfast: {file} exists.")
    assert len(audited(booked)) == 1, "nothing was read out"


def test_lines_are_json_and_can_be_narrowed(
    booked: Pipeline, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monday = MONDAY.isoformat()
    found = lines(capsys, "--output", "-")
    assert [one["id"] for one in found] == [1, 2, 3, 5]
    assert tuple(found[0]) == exported_bookings.ExportedBooking.__struct_fields__
    assert (found[2]["notes"], found[0]["price_minor"], found[0]["currency"]) == (HOSTILE, 0, "usd")
    for words, count in {
        f"--from {monday} --to {monday}": 4,
        f"--to {monday}": 4,
        "--from 2025-10-21": 0,
        "--to 2025-10-19": 0,
        "--contract agent": 4,
        "--contract rooms": 0,
        "--kind bundle": 0,
    }.items():
        assert len(lines(capsys, *words.split())) == count, words
    assert audited(booked)[-1][2] == {"bookings": 0, "format": "jsonl", "kind": "bundle"}
    file = tmp_path / "bookings.ndjson"
    assert main(["export", "bookings", "--output", str(file)]) == 0
    assert json.loads(file.read_text().splitlines()[3]) == found[3]


def test_it_is_of_one_moment(
    booked: Pipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def change() -> None:
        booked.connection.execute("UPDATE booking SET notes = 'later'")
        booked.put(places(6)[5])
        booked.worker().visit_until_done()

    meanwhile(monkeypatch, change)
    assert main(["export", "bookings"]) == 0
    said = capsys.readouterr()
    assert said.out.count("\r\n") == 5
    assert "later" not in said.out


def test_a_database_that_goes_away_leaves_no_file(
    booked: Pipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    meanwhile(monkeypatch, lambda: booked.connection.execute(SQL_END))
    assert main(["export", "bookings", "--output", str(tmp_path / "bookings.csv")]) == 1
    assert capsys.readouterr().err.startswith("holdfast: PostgreSQL does not answer as it should:")
    assert list(tmp_path.iterdir()) == []


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    """Once, when the first row is written."""
    cells, acts = bookings._cells, [act]

    def written(row: Any) -> list[str]:
        if acts:
            acts.pop()()
        return cells(row)

    monkeypatch.setattr(bookings, "_cells", written)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--from 2030-02-30", "Invalid value for '--from': it is not a day such as 2030-01-31."),
        ("--from 2030-02-02 --to 2030-02-01", "holdfast: --to is a day before --from."),
        ("--contract payments", "Invalid value for '--contract': 'payments' is not one of 'agent', "),
        ("--format xlsx", "Invalid value for '--format': 'xlsx' is not one of 'csv', 'jsonl'."),
    ],
)
def test_wrong_usage_is_one_sentence(words: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "bookings", *words.split()]) == 2
    assert sentence in capsys.readouterr().err


def test_the_contracts_are_those_that_book() -> None:
    assert set(get_args(bookings.Contract)) == ANSWERS.keys() - {"payments"}
