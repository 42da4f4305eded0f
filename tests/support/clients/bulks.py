"""Bulks for tests: services with resources of their own, rows for them, and what became of the rows."""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import httpx

from core.text_forms import BAD_PHONE
from tests.support.processes.stack import Stack
from tests.support.wait import READY_WITHIN_S, wait_until

PATH = "/api/agent/bookings/bulk/"
CSV = {"Content-Type": "text/csv"}
COLUMNS = ("phone", "service_name", "booking_date", "booking_time", "first_name", "last_name", "notes")
HOURS = range(9, 17)
MONDAY = date(2101, 1, 3)
DAYS_A_WEEK, WORKDAYS = 7, 6

SQL_SERVICES = """
WITH r AS (
    INSERT INTO resource (kind, name, zone)
    SELECT 'service', %(prefix)s || ' ' || n, 'UTC' FROM generate_series(0, %(count)s - 1) AS n RETURNING id, name
)
INSERT INTO service (name, name_key, resource_id) SELECT name, lower(name), id FROM r
"""


def new_services(stack: Stack, count: int) -> list[str]:
    """Names of services that nobody else books, each with its own resource."""
    prefix = f"Bulk {secrets.token_hex(4)}"
    with stack.database() as connection:
        connection.execute(SQL_SERVICES, {"prefix": prefix, "count": count})
    return [f"{prefix} {number}" for number in range(count)]


def rows_for(services: Sequence[str], count: int, **changes: Any) -> list[dict[str, Any]]:
    """That many rows, no two for the same time: services first, then hours, then days; Sundays left out."""
    return [{**_row(services, number), **changes} for number in range(count)]


def _row(services: Sequence[str], number: int) -> dict[str, Any]:
    service, rest = number % len(services), number // len(services)
    weeks, workday = divmod(rest // len(HOURS), WORKDAYS)
    return {
        "phone": f"20255{number % 100_000:05}",
        "service_name": services[service],
        "booking_date": (MONDAY + timedelta(days=weeks * DAYS_A_WEEK + workday)).isoformat(),
        "booking_time": f"{HOURS[rest % len(HOURS)]:02}:00",
    }


def as_csv(rows: Iterable[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def send(client: httpx.Client, rows: Any, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(PATH, json=rows, headers=named)


def accepted(answer: httpx.Response) -> str:
    """The batch's id. Raises AssertionError unless it is a 202."""
    assert answer.status_code == 202, answer.text
    return str(answer.json()["batch_id"])


def finished(client: httpx.Client, batch_id: str, within_s: float = READY_WITHIN_S) -> dict[str, int]:
    """Its counts, once no row waits any more."""
    found: dict[str, Any] = {}

    def over() -> bool:
        try:
            found.update(client.get(f"{PATH}{batch_id}/").raise_for_status().json())
        except httpx.HTTPError:
            return False
        return bool(found["status"] == "finished")

    wait_until(over, f"batch {batch_id} is finished", within_s)
    counts: dict[str, int] = found["counts"]
    return counts


def rows_of(client: httpx.Client, batch_id: str, **query: Any) -> list[dict[str, Any]]:
    """All its rows, page by page."""
    rows: list[dict[str, Any]] = []
    while True:
        page = client.get(f"{PATH}{batch_id}/", params={**query, "limit": 500, "offset": len(rows)}).json()
        rows += page["rows"]
        if len(rows) >= page["total_count"] or not page["rows"]:
            return rows


def code_of(row: dict[str, Any]) -> str:
    """A row's outcome in one word: the code of its refusal, or its status."""
    response = row["response"]
    return str(response["body"].get("code", row["status"])) if response else str(row["status"])


BAD: tuple[tuple[dict[str, str], int, str], ...] = (
    ({"phone": "nobody"}, 400, BAD_PHONE),
    ({"phone": ""}, 400, "Missing required field: phone"),
    ({"booking_date": "2101-13-45"}, 400, "Invalid date format"),
    ({"booking_time": "noon"}, 400, "Invalid time format"),
    ({"booking_date": "2101-01-09"}, 400, "Booking not allowed on off days"),
    ({"booking_time": "06:00"}, 400, "Booking time is outside working hours"),
)
"""How a row can be bad, and what a single call says to it."""
TAKEN = (409, "This time slot is already reserved")

Expected = dict[int, tuple[int, str]]
"""By row number: status and message of those that must be refused."""


def with_refusals(rows: list[dict[str, Any]], *, bad: int, collisions: int) -> tuple[list[dict[str, Any]], Expected]:
    """The same rows, so many of them made bad and so many made to want what an earlier row takes.

    Spread over the whole; what follows is how many are refused, each for its own reason.
    """
    made, expected = list(rows), Expected()
    spread = len(rows) // (bad + collisions)
    for nth in range(bad + collisions):
        at = (nth + 1) * spread - 1
        if nth % (bad + collisions) * bad // (bad + collisions) != (nth + 1) * bad // (bad + collisions):
            change, status, message = BAD[nth % len(BAD)]
            made[at], expected[at + 1] = {**rows[at], **change}, (status, message)
        else:
            wanted = {name: rows[at - 1][name] for name in ("service_name", "booking_date", "booking_time")}
            made[at], expected[at + 1] = {**rows[at], **wanted}, TAKEN
    return made, expected


def refused(rows: Iterable[dict[str, Any]]) -> Expected:
    """What was refused, as `with_refusals` tells it."""
    return {
        row["row"]: (row["response"]["status"], row["response"]["body"]["message"])
        for row in rows
        if row["status"] != "succeeded"
    }
