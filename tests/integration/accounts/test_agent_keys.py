"""Agent keys over HTTP: made and shown once, held to their addresses and rate, owners of their commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from core.identity.demo_accounts import AGENT_KEY
from core.identity.principals import hash_token
from tests.support.clients.callers import (
    ENDED_WITHIN_S,
    STAFF,
    USER,
    access_for,
    answers,
    bearer,
    execute,
    new_address,
    signed_in,
)
from tests.support.clients.http_client import agent_booking
from tests.support.processes.own_api import FreshApi
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

KEYS = "/api/admin/agent-keys/"
SLOTS = "/api/booking/smart-available-slots/?date=2100-01-04"
CREATE = "/api/agent/booking/create/"
ASYNC = {"Prefer": "respond-async"}
"""No worker runs here: what is accepted stays accepted."""


@pytest.fixture(scope="module")
def staff(stack: Stack) -> Iterator[httpx.Client]:
    with signed_in(stack, STAFF) as client:
        yield client


def make(staff: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = staff.post(f"{KEYS}create/", json={"name": "Call centre", **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["data"]
    return made


def agent(stack: Stack, key: str, address: str | None = None) -> httpx.Client:
    headers = {"Authorization": f"Token {key}", "X-Forwarded-For": address or new_address()}
    return httpx.Client(base_url=stack.api_url, headers=headers, timeout=30.0)


def status(client: httpx.Client) -> int:
    return client.get(SLOTS).status_code


def test_a_key_is_shown_once_and_kept_as_its_hash(stack: Stack, staff: httpx.Client) -> None:
    made = make(staff, name="Shown once")
    assert made["key"].startswith("hfa_")
    assert made["key"].startswith(made["hint"])
    for answer in (staff.get(KEYS), staff.get(f"{KEYS}{made['id']}/")):
        assert answer.status_code == 200
        assert made["key"] not in answer.text
        assert made["hint"] in answer.text
    ((kept, by),) = execute(stack, "SELECT token_hash, created_by FROM agent_key WHERE id = %s", made["id"])
    assert (bytes(kept), by) == (hash_token(made["key"]), STAFF)


def test_a_revoked_key_is_refused_and_stays_in_the_list(stack: Stack, staff: httpx.Client) -> None:
    made = make(staff, name="To be revoked")
    with agent(stack, made["key"]) as client:
        assert status(client) == 200
        revoked = staff.delete(f"{KEYS}{made['id']}/delete/")
        assert (revoked.status_code, revoked.json()["message"]) == (200, "Agent key revoked")
        wait_until(lambda: status(client) == 401, "the key has ended", ENDED_WITHIN_S)
    assert staff.delete(f"{KEYS}{made['id']}/delete/").status_code == 409
    assert staff.put(f"{KEYS}{made['id']}/update/", json={"name": "Back"}).status_code == 409
    ended = {key["id"]: key for key in staff.get(KEYS, params={"is_active": "false"}).json()["data"]}[made["id"]]
    assert (ended["is_active"], ended["revoked_by"]) == (False, STAFF)
    assert made["id"] not in [key["id"] for key in staff.get(KEYS, params={"is_active": "true"}).json()["data"]]


def test_a_key_may_be_limited_to_addresses(stack: Stack, staff: httpx.Client) -> None:
    made = make(staff, networks=["192.0.2.0/24", "2001:db8::/32"])
    assert made["networks"] == ["192.0.2.0/24", "2001:db8::/32"]
    for address, expected in {"192.0.2.9": 200, "::ffff:192.0.2.9": 200, "2001:db8::1": 200, "192.0.3.9": 403}.items():
        with agent(stack, made["key"], address) as client:
            assert (address, status(client)) == (address, expected)
    changed = staff.put(f"{KEYS}{made['id']}/update/", json={"networks": []}).json()["data"]
    assert (changed["networks"], changed["name"]) == ([], made["name"])
    with agent(stack, made["key"], "192.0.3.9") as client:
        wait_until(lambda: status(client) == 200, "the new list counts", ENDED_WITHIN_S)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "<b>"}, "name"),
        ({"name": "x", "networks": ["192.0.2.1/24"]}, "networks[0]"),
        ({"name": "x", "networks": ["10.0.0.0/8", "here"]}, "networks[1]"),
        ({"name": "x", "networks": "10.0.0.0/8"}, "networks"),
        ({"name": "x", "writes_per_minute": 0}, "writes_per_minute"),
        ({"name": "x", "key": "hfa_mine"}, "key"),
    ],
)
def test_what_cannot_be_a_key_is_refused_by_field(staff: httpx.Client, body: dict[str, Any], field: str) -> None:
    answer = staff.post(f"{KEYS}create/", json=body)
    assert answer.status_code == 400
    assert [problem["field"] for problem in answer.json()["errors"]] == [field]


def test_a_key_that_never_was_is_a_404(staff: httpx.Client) -> None:
    for method, path in (("GET", "999999/"), ("PUT", "999999/update/"), ("DELETE", "999999/delete/")):
        assert staff.request(method, KEYS + path, json={} if method == "PUT" else None).status_code == 404
    assert staff.get(KEYS, params={"is_active": "maybe"}).json()["message"] == "is_active must be one of true, false"


def test_the_use_of_a_key_is_counted_day_by_day(stack: Stack, staff: httpx.Client) -> None:
    made = make(staff, name="Audited")
    with agent(stack, made["key"], "198.51.100.7") as client:
        assert status(client) == 200
        assert client.get("/api/services/").status_code == 403

    def shown() -> dict[str, Any]:
        data: dict[str, Any] = staff.get(f"{KEYS}{made['id']}/").json()["data"]
        return data

    wait_until(lambda: shown()["requests"] == 2, "the use is told")
    found = shown()
    assert (found["refused"], found["last_address"]) == (1, "198.51.100.7")
    days = found["days"]  # two of them if midnight was in between
    assert (sum(day["requests"] for day in days), sum(day["refused"] for day in days)) == (2, 1)
    assert found["last_used_at"] >= found["created_at"]
    assert f'"agent_key":{made["id"]}' in stack.process("api").log


def test_a_key_s_writes_are_limited_and_told_as_the_draft_says(stack: Stack, staff: httpx.Client) -> None:
    made = make(staff, writes_per_minute=3)
    with agent(stack, made["key"]) as client:
        # Seven, as a minute may begin in between.
        sent = [client.post(CREATE, json=agent_booking(), headers=ASYNC) for _ in range(7)]
    assert {one.headers["RateLimit-Policy"] for one in sent} == {'"writes";q=3;w=60'}
    assert sent[0].status_code == 202
    assert sent[0].headers["RateLimit"].startswith('"writes";r=2;t=')
    refused = next(one for one in sent if one.status_code == 429)
    seconds = int(refused.headers["Retry-After"])
    assert 0 < seconds <= 60
    assert refused.headers["RateLimit"] == f'"writes";r=0;t={seconds}'
    assert refused.json()["code"] == "too_many_requests"


def test_a_command_belongs_to_the_key_that_sent_it(stack: Stack, staff: httpx.Client) -> None:
    mine, other = make(staff)["key"], make(staff)["key"]
    with agent(stack, mine) as owner, agent(stack, other) as other_agent, agent(stack, "") as nobody:
        path = owner.post(CREATE, json=agent_booking(), headers=ASYNC).headers["Location"]
        del nobody.headers["Authorization"]
        assert [c.get(path).status_code for c in (owner, other_agent, nobody, staff)] == [200, 404, 404, 200]
        assert other_agent.delete(path).status_code == 404
        assert owner.delete(path).json()["status"] == "rejected"


def test_an_idempotency_key_is_the_agent_keys_own(stack: Stack, staff: httpx.Client) -> None:
    body, headers = agent_booking(), {**ASYNC, "Idempotency-Key": "order-1"}
    with agent(stack, make(staff)["key"]) as one, agent(stack, make(staff)["key"]) as two:
        commands = [c.post(CREATE, json=body, headers=headers).json()["id"] for c in (one, one, two)]
    assert commands[0] == commands[1] != commands[2]


def test_user_1_does_not_own_what_key_1_sent(stack: Stack) -> None:
    with agent(stack, AGENT_KEY) as client:
        path = client.post(CREATE, json=agent_booking(), headers=ASYNC).headers["Location"]
    ((owner,),) = execute(stack, "SELECT owner FROM inbox WHERE id = %s", path.split("/")[-2])
    assert owner == f"key:{USER}"
    assert httpx.get(stack.api_url + path, headers=bearer(access_for(stack, USER))).status_code == 404


def test_while_redis_is_away_agents_come_in_and_anonymous_callers_wait(fresh_api: FreshApi) -> None:
    stack = fresh_api({})
    stack.valkey.kill()
    with agent(stack, AGENT_KEY) as keyed, agent(stack, "") as anonymous:
        del anonymous.headers["Authorization"]
        refused = anonymous.post(CREATE, json=agent_booking(), headers=ASYNC)
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert int(refused.headers["Retry-After"]) > 0
        accepted = keyed.post(CREATE, json=agent_booking(), headers=ASYNC)
        assert accepted.status_code == 202
        assert "RateLimit" not in accepted.headers
    assert answers(stack)
