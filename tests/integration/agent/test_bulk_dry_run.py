"""A dry run says what would be refused at this moment, by the same rules and words, and changes nothing."""

from __future__ import annotations

from tests.support.clients.bulks import (
    CSV,
    PATH,
    accepted,
    as_csv,
    code_of,
    finished,
    new_services,
    refused,
    rows_for,
    rows_of,
    with_refusals,
)
from tests.support.clients.http_client import Client
from tests.support.processes.stack import Stack

DRY = f"{PATH}?dry_run=true"
SQL_TRACES = """
SELECT (SELECT count(*) FROM bulk), (SELECT count(*) FROM booking), (SELECT count(*) FROM user_account),
       (SELECT last_value FROM booking_id_seq), (SELECT count(*) FROM event WHERE type <> 'canary')
"""


def test_a_dry_run_names_exactly_the_rows_that_are_refused_in_earnest(stack: Stack, staff: Client) -> None:
    rows, expected = with_refusals(rows_for(new_services(stack, 30), 600), bad=30, collisions=20)
    answer = staff.post(DRY, content=as_csv(rows), headers=CSV)
    assert answer.status_code == 200
    body = answer.json()
    assert body["dry_run"] is True
    assert body["counts"] == {"accepted": 0, "succeeded": 550, "rejected": 50, "failed": 0}
    assert refused(body["rows"]) == expected
    batch_id = accepted(staff.post(PATH, content=as_csv(rows), headers=CSV))
    finished(staff, batch_id)
    assert body["rows"] == rows_of(staff, batch_id, status="rejected")


def test_a_dry_run_leaves_no_trace(stack: Stack, staff: Client) -> None:
    rows = [{**row, "phone": f"20257{n:05}"} for n, row in enumerate(rows_for(new_services(stack, 2), 6))]
    with stack.database() as connection:
        before = connection.execute(SQL_TRACES).fetchone()
        for _ in range(2):
            assert staff.post(DRY, json=rows).json()["counts"]["succeeded"] == 6
        assert connection.execute(SQL_TRACES).fetchone() == before


def test_a_dry_run_of_a_whole_batch_tells_every_row_what_stands_in_the_way(stack: Stack, staff: Client) -> None:
    rows = rows_for(new_services(stack, 3), 5)
    rows[1] = {**rows[1], "phone": "nobody"}
    rows[4] = {**rows[4], "booking_time": "06:00"}
    body = staff.post(f"{DRY}&mode=all_or_nothing", json=rows).json()
    assert body["counts"]["rejected"] == 5
    codes = ["batch_refused", "invalid", "batch_refused", "batch_refused", "outside_working_hours"]
    assert [code_of(row) for row in body["rows"]] == codes


def test_a_dry_run_refuses_a_body_as_it_would_be_in_earnest(staff: Client) -> None:
    assert staff.post(DRY, content=b"[{}", headers={"Content-Type": "application/json"}).status_code == 400
    assert staff.post(f"{PATH}?dry_run=perhaps", json=[{}]).status_code == 400
