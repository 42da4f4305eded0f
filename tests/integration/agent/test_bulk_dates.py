"""A CSV that mixes the orders of its dates leaves nothing behind, from any sender."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.contracts.agent.bulk.bulk_request import PIECE_BYTES
from core.identity.demo_accounts import AGENT_KEY
from ops.cli import main
from tests.support.clients.bulks import CSV, PATH, as_csv, new_services, rows_for
from tests.support.clients.http_client import Client
from tests.support.processes.stack import Stack

EITHER_WAY, MONTH_FIRST = "2/5/2101", "2/14/2101"
SQL_KEPT = """
SELECT (SELECT count(*) FROM bulk), (SELECT count(*) FROM inbox WHERE type = 'place'), (SELECT count(*) FROM booking)
"""


def mixed(stack: Stack, count: int) -> bytes:
    """The first and the last row tell the two orders."""
    rows = rows_for(new_services(stack, 10), count)
    rows[0]["booking_date"], rows[-1]["booking_date"] = EITHER_WAY, MONTH_FIRST
    return as_csv(rows)


def kept(stack: Stack) -> object:
    with stack.database() as connection:
        return connection.execute(SQL_KEPT).fetchone()


@pytest.mark.parametrize("query", ["", "?mode=all_or_nothing", "?dry_run=true"])
def test_dates_in_two_orders_are_refused_with_the_whole_body(stack: Stack, staff: Client, query: str) -> None:
    body, before = mixed(stack, 400), kept(stack)
    answer = staff.post(f"{PATH}{query}", content=body, headers=CSV)
    assert answer.status_code == 400, answer.text
    said = answer.json()
    words = (
        f"the dates are in two orders: {EITHER_WAY} in line 2 is read with the day first, and {MONTH_FIRST} in line 401 "
        "can only be read with the month first; format the column as yyyy-mm-dd"
    )
    assert (said["success"], said["code"]) == (False, "unreadable_body")
    assert said["message"] == f"The body cannot be read from row 400 on: {words}. Nothing was accepted"
    assert said["errors"] == [{"field": "row 400", "message": words}]
    assert kept(stack) == before


def test_an_import_of_dates_in_two_orders_says_which_lines_and_books_nothing(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOLDFAST_URL", stack.api_url)
    monkeypatch.setenv("HOLDFAST_TOKEN", AGENT_KEY)
    file = tmp_path / "bookings.csv"
    file.write_bytes(mixed(stack, 3_000))
    assert file.stat().st_size > 2 * PIECE_BYTES
    before = kept(stack)
    for options in ([], ["--dry-run"]):
        assert main(["import", str(file), *options]) == 1
        said = capsys.readouterr().err
        assert f"{EITHER_WAY} in line 2 is read with the day first" in said
        assert f"{MONTH_FIRST} in line 3001 can only be read with the month first" in said
    assert kept(stack) == before
    assert list(tmp_path.iterdir()) == [file]
