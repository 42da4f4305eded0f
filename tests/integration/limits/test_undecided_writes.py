"""How much one caller may have under way: writes of a person, rows of an agent key. Nothing is decided here: no lanes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from core.identity.credentials import agent_keys
from core.identity.credentials.agent_keys import NewKey
from tests.conftest import FIGURE
from tests.support.clients.callers import ADMIN, PRACTITIONER, STAFF, USER, access_for, bearer, browser, execute
from tests.support.conformance.description import operations, path_with_unknown_ids
from tests.support.mail_sending import guest_link
from tests.support.processes.own_api import api
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

AT_ONCE = 3
ASYNC = {"Prefer": "respond-async"}


BOOKED = """
INSERT INTO booking (public_uuid, contract, user_id, service_name, resource_id, starts_at, ends_at, local_date, local_time,
                     duration_minutes, status, payment_status, notes, version, created_at, updated_at, command_id)
SELECT gen_random_uuid(), 'appointments', %s, 'Massage', min(id), '2190-02-01T10:00Z', '2190-02-01T11:00Z', '2190-02-01', '10:00',
        60, 'confirmed', 'none', '', 1, now(), now(), gen_random_uuid() FROM resource
RETURNING id
"""


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    narrow = {"HOLDFAST_UNDECIDED_PER_USER": str(AT_ONCE), "HOLDFAST_API_PROCESSES": "1"}
    with api(postgres, tmp_path_factory.mktemp("undecided"), narrow) as running:
        yield running


def booking(number: int) -> dict[str, Any]:
    return {"service_name": "Any", "booking_date": f"2190-01-{number % 28 + 1:02}", "booking_time": "10:00"}


def write(client: httpx.Client, headers: dict[str, str], number: int = 0) -> httpx.Response:
    return client.post("/api/booking/create/", json=booking(number), headers=headers)


def told_to_wait(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests"), answer.text
    assert int(answer.headers["Retry-After"]) >= 1


@pytest.fixture
def nothing_undecided(stack: Stack) -> Iterator[None]:
    yield
    execute(stack, "DELETE FROM inbox")


@pytest.mark.usefixtures("nothing_undecided")
@pytest.mark.parametrize(("prefer", "user_id"), [("respond-async", PRACTITIONER), ("wait=2", STAFF)])
def test_a_person_has_only_so_many_writes_undecided_at_once(stack: Stack, prefer: str, user_id: int) -> None:
    """Asked for all at once, waiting or not; and others are not held up."""
    user, other = bearer(access_for(stack, user_id)), bearer(access_for(stack, USER))
    with browser(stack) as client, ThreadPoolExecutor(20) as pool:
        asked = [user | {"Prefer": prefer}] * 20
        answers = list(pool.map(lambda headers: write(client, headers), asked))
        assert sorted(answer.status_code for answer in answers) == [202] * AT_ONCE + [429] * (20 - AT_ONCE)
        told_to_wait(write(client, user | ASYNC))
        assert write(client, other | ASYNC).status_code == 202


@pytest.mark.usefixtures("nothing_undecided")
def test_what_was_decided_without_a_word_is_found_out(stack: Stack) -> None:
    user = bearer(access_for(stack, USER)) | ASYNC
    with browser(stack) as client:
        assert {write(client, user, number).status_code for number in range(AT_ONCE)} == {202}
        told_to_wait(write(client, user))
        execute(stack, "DELETE FROM inbox")
        wait_until(lambda: write(client, user).status_code == 202, "the inbox was asked again", 5.0)


@pytest.mark.usefixtures("nothing_undecided")
def test_every_command_tells_who_has_too_many_to_wait(
    stack: Stack, record_property: Callable[[str, object], None]
) -> None:
    staff = bearer(access_for(stack, ADMIN))
    commands = [one for one in sends_a_command() if "{token}" not in one[1]]
    assert len(commands) > 15
    with browser(stack) as client:
        for number in range(AT_ONCE):
            assert write(client, staff | ASYNC, number).status_code == 202
        for method, path, described in commands:
            told_to_wait(client.request(method, path_with_unknown_ids(path, described), headers=staff, json={}))
    record_property(FIGURE, f"commands that a person's undecided writes bound: {len(commands)}")


def sends_a_command() -> list[tuple[str, str, Mapping[str, Any]]]:
    return [one for one in operations() if "command_failed" in one[2]["responses"].get("503", {}).get("x-codes", ())]


@pytest.mark.usefixtures("nothing_undecided")
def test_what_comes_by_a_guests_link_counts_as_its_clients(stack: Stack) -> None:
    user = bearer(access_for(stack, USER))
    token = guest_link(stack, execute(stack, BOOKED, USER)[0][0])
    with browser(stack) as client:
        for number in range(AT_ONCE):
            assert write(client, user | ASYNC, number).status_code == 202
        told_to_wait(client.post(f"/api/guest/bookings/{token}/cancel/"))


def key(stack: Stack, writes_per_minute: int) -> dict[str, str]:
    async def make() -> Any:
        async with await psycopg.AsyncConnection.connect(stack.database_url, autocommit=True) as connection:
            return await agent_keys.make(connection, NewKey("bulks", writes_per_minute=writes_per_minute), None)

    return {"Authorization": f"Token {asyncio.run(make())[1]}"}


def bulk(client: httpx.Client, headers: dict[str, str], rows: int) -> httpx.Response:
    return client.post("/api/agent/bookings/bulk/", json=[{}] * rows, headers=headers)


@pytest.mark.usefixtures("nothing_undecided")
def test_rows_of_a_bulk_count_as_writes_of_their_key(stack: Stack) -> None:
    """Also in the minutes to come, however the clock's minute ends while this runs."""
    agent = key(stack, 10)
    with browser(stack) as client:
        assert bulk(client, agent, 35).status_code == 202
        over = bulk(client, agent, 1)
        told_to_wait(over)
        assert over.headers["RateLimit"].startswith('"writes";r=0')
        told_to_wait(client.post("/api/agent/booking/create/", json={}, headers=agent))
        assert bulk(client, key(stack, 10), 1).status_code == 202


@pytest.mark.usefixtures("nothing_undecided")
def test_a_bulk_that_is_refused_costs_no_rows(stack: Stack) -> None:
    agent = key(stack, 10)
    with browser(stack) as client:
        assert client.post("/api/agent/bookings/bulk/?dry_run=true", json=[{}] * 50, headers=agent).status_code == 200
        assert bulk(client, agent, 5).status_code == 202
