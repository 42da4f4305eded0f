"""Every operation that is a command can be accepted at once, comes too late, and has its keys for itself alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.clients.http_client import free_slot
from tests.support.clients.market_bookings import at
from tests.support.clients.marketplace import BASE, Market
from tests.support.clients.time_slots import new_category, new_slot
from tests.support.conformance.description import example_of, operations
from tests.support.mail_sending import guest_link
from tests.support.processes.stack import Stack

OVER = {"Holdfast-Expires-At": "2020-01-01T00:00:00Z"}
"""Nothing comes of what is sent with it: it is decided too late."""
PAYING = "/api/payment-intent/"
"""Where nothing can be paid it is no command: tests/integration/payments has it."""
EXAMPLES_DAY = date(2030, 10, 21)
"""On which the description's example moves a time slot's end."""

Wish = tuple[str, str, Any]
"""Method, path, body."""


def given_id(answer: httpx.Response) -> int:
    assert answer.status_code == 201, answer.text
    body = answer.json()
    return int(body.get("data", body)["id"])


@pytest.fixture(scope="module")
def wishes(stack: Stack) -> Iterator[tuple[httpx.Client, list[Wish]]]:
    """Each command's request as its description has it, about things that are there; and who sends them."""
    with closing(Market(stack)) as market:
        desk, practitioner = market.desk, market.practitioner()
        talk = market.service(practitioner)
        off = {"start_date": "2190-01-04", "end_date": "2190-01-04"}
        ids = {
            "booking_id": given_id(desk.post("/api/booking/create/", json={"service_name": "Any", **free_slot()})),
            "closure_id": given_id(desk.post("/api/admin/closures/", json=off)),
            "time_slot_id": new_slot(desk, new_category(desk), EXAMPLES_DAY)["id"],
            "practitioner_id": practitioner.id,
            "session_id": market.session(practitioner, market.service(practitioner, booking_type="workshop")),
        }
        of_market = ids | {
            "booking_id": given_id(
                desk.post(f"{BASE}/bookings/", json={"service_id": talk, "practitioner_id": practitioner.id, **at(9)})
            ),
            "closure_id": given_id(desk.post(f"{BASE}/practitioners/{practitioner.id}/time-off/", json=off)),
        }
        of_market["token"] = ids["token"] = guest_link(stack, of_market["booking_id"])
        bought: dict[str, dict[str, Any]] = {
            "package": {"service_ids": [talk]},
            "bundle": {"service_ids": [talk], "credits": 2, "valid_days": 30},
            "course": {},
        }
        sold = {
            f"create-{kind}": market.service(practitioner, booking_type=kind, **what) for kind, what in bought.items()
        }
        market.session(practitioner, sold["create-course"])
        found = []
        for method, path, described in operations():
            if path != PAYING and any(
                one.get("$ref", "").endswith("/IdempotencyKey") for one in described["parameters"]
            ):
                about = of_market if path.startswith(BASE) else ids
                body = example_of(described)
                special = sold.get(path.strip("/").rsplit("/", 1)[-1])
                found.append((method, path.format(**about), {"service_id": special} if special else body))
        yield desk, found


def test_every_command_may_be_accepted_at_once(wishes: tuple[httpx.Client, list[Wish]]) -> None:
    by, commands = wishes
    assert len(commands) > 25
    for method, path, body in commands:
        answer = by.request(method, path, json=body, headers={**OVER, "Prefer": "respond-async"})
        assert answer.status_code == 202, f"{method} {path}: {answer.text}"
        assert answer.headers["Location"] == answer.json()["status_url"]


def test_every_command_is_refused_after_its_deadline(wishes: tuple[httpx.Client, list[Wish]]) -> None:
    by, commands = wishes
    for method, path, body in commands:
        answer = by.request(method, path, json=body, headers=OVER)
        assert (answer.status_code, answer.json()["code"]) == (409, "decided_too_late"), f"{method} {path}"


def test_no_command_takes_a_key_that_another_was_sent_with(
    wishes: tuple[httpx.Client, list[Wish]],
) -> None:
    by, commands = wishes
    key = {"Idempotency-Key": str(uuid4()), **OVER}
    assert by.post("/api/booking/create/", json={"service_name": "Any", **free_slot()}, headers=key).status_code == 409
    for method, path, body in commands:
        answer = by.request(method, path, json=body, headers=key)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused"), f"{method} {path}"
