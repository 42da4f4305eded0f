"""An answer names so many errors, and says how many more there are, whatever was sent."""

from __future__ import annotations

import httpx

from core.wire.contracts.bulk import DRY_RUN_ROWS_MAX
from core.wire.errors import ERRORS_MAX, SHOWN_CHARS
from tests.support.clients.http_client import Client, admin
from tests.support.processes.stack import Stack

ANSWER_MAX_BYTES = 64 * 1024


def refused(answer: httpx.Response, in_all: int) -> None:
    body = answer.json()
    assert answer.status_code == 400, answer.text[:500]
    assert (len(body["errors"]), body["errors_left_out"]) == (ERRORS_MAX, in_all - ERRORS_MAX)
    assert len(answer.content) < ANSWER_MAX_BYTES


def test_a_body_with_thousands_of_wrong_fields(stack: Stack) -> None:
    fields = {f"f{n}": 1 for n in range(6_000)}
    with httpx.Client(base_url=stack.api_url, timeout=30.0) as client:
        refused(client.post("/api/agent/booking/create/", json=fields), 6_000 + len(REQUIRED))


REQUIRED = ("phone", "service_name", "booking_date", "booking_time")


def test_a_long_name_is_quoted_in_part(stack: Stack) -> None:
    name = "x" * 50_000
    with httpx.Client(base_url=stack.api_url, timeout=30.0) as client:
        body = client.post("/api/login/", json={name: 1, "password": "p", "email": "a@b.cd"}).json()
        query = client.get("/api/services/", params={"x" * 2_000: "1"})
    assert len(body["errors"][0]["field"]) == SHOWN_CHARS + 1
    assert len(body["message"]) < 2 * SHOWN_CHARS
    assert query.status_code == 400
    assert len(query.json()["errors"][0]["field"]) == SHOWN_CHARS + 1


def test_a_query_with_hundreds_of_wrong_parameters(stack: Stack) -> None:
    with httpx.Client(base_url=stack.api_url, timeout=30.0) as client:
        refused(client.get("/api/services/", params={f"p{n}": "1" for n in range(500)}), 500)


def test_a_dry_run_of_thousands_of_wrong_rows(stack: Stack) -> None:
    rows = "\n".join("{}" for _ in range(10_000))
    with admin(stack.api_url) as staff:
        answer = dry_run(staff, rows)
    body = answer.json()
    assert answer.status_code == 200
    assert body["counts"]["rejected"] == 10_000
    assert (len(body["rows"]), body["rows_left_out"]) == (DRY_RUN_ROWS_MAX, 10_000 - DRY_RUN_ROWS_MAX)
    assert [row["row"] for row in body["rows"]] == list(range(1, DRY_RUN_ROWS_MAX + 1))


def dry_run(staff: Client, rows: str) -> httpx.Response:
    return staff.post(
        "/api/agent/bookings/bulk/?dry_run=true", content=rows, headers={"Content-Type": "application/x-ndjson"}
    )
