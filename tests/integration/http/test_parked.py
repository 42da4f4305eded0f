"""What was given up on, put right over HTTP by superusers."""

from __future__ import annotations

from uuid import uuid4

import pytest

from core.domain.versions import SCHEMA_VERSION
from core.store.connections.database import connect_lane
from tests.support.clients.callers import execute
from tests.support.clients.http_client import Client
from tests.support.conformance.examples import SQL_GIVEN_UP_ON, SQL_PARKED_PAYMENT
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

COMMANDS, PAYMENTS = "/api/admin/parked/commands/", "/api/admin/parked/payments/"


@pytest.fixture
def parked(stack: Stack) -> str:
    """A cancellation of a booking that there never was."""
    id_ = str(uuid4())
    with connect_lane(stack.database_url, "holdfast tests") as connection:
        connection.execute(SQL_GIVEN_UP_ON.encode(), {"id": id_, "version": SCHEMA_VERSION})
    return id_


def ids(client: Client, path: str) -> list[str]:
    return [one["id"] for one in client.get(f"{path}?limit=500").json()["data"]]


def test_a_command_that_is_replayed_is_decided_anew_and_listed_no_more(
    stack: Stack, staff: Client, parked: str
) -> None:
    assert parked in ids(staff, COMMANDS)
    told = staff.post(f"{COMMANDS}{parked}/replay/")
    assert told.status_code == 200, told.text
    new = told.json()["command_id"]
    wait_until(lambda: staff.get(f"/api/commands/{new}/").json()["status"] == "rejected", "it is decided")
    assert parked not in ids(staff, COMMANDS)
    sql = "SELECT actor_kind FROM audit_entry WHERE action = 'command.replayed' AND subject = %s"
    assert execute(stack, sql, f"command:{parked}") == [("superuser",)]
    again = staff.post(f"{COMMANDS}{parked}/replay/")
    assert (again.status_code, again.json()["code"]) == (409, "not_parked")
    assert new in again.json()["message"]


def test_a_command_that_is_dropped_is_listed_no_more(staff: Client, parked: str) -> None:
    assert staff.delete(f"{COMMANDS}{parked}/").status_code == 200
    assert parked not in ids(staff, COMMANDS)
    assert staff.delete(f"{COMMANDS}{parked}/").json()["code"] == "not_parked"


def test_a_payment_that_is_tried_again_is_due_at_once(stack: Stack, staff: Client) -> None:
    id_ = str(uuid4())
    execute(stack, SQL_PARKED_PAYMENT, id_)
    try:
        assert id_ in ids(staff, PAYMENTS)
        assert staff.post(f"{PAYMENTS}{id_}/replay/").status_code == 200
        assert id_ not in ids(staff, PAYMENTS)
        assert staff.post(f"{PAYMENTS}{id_}/replay/").json()["code"] == "not_parked"
    finally:
        execute(stack, "DELETE FROM payment WHERE id = %s", id_)


@pytest.mark.parametrize("path", [COMMANDS, PAYMENTS])
def test_staff_who_are_no_superusers_are_refused(desk: Client, path: str) -> None:
    assert desk.get(path).status_code == 403
    assert desk.post(f"{path}{uuid4()}/replay/").status_code == 403
