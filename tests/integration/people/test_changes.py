"""People made and changed at the admin desk: what staff may do, what superusers may, and what ends with it."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from core.identity import account_changes, users
from core.identity.users import NewUser
from tests.support.clients.callers import ADMIN, STAFF, access_for, bearer, new_address, only_superuser, signed_in
from tests.support.clients.http_client import agent_booking, anonymous
from tests.support.clients.people import USERS, free_phone, make_user
from tests.support.engine.lanes import Pipeline, lock_waits
from tests.support.processes.stack import Stack
from tests.support.wait import until, wait_until

PASSWORD = "password123"


@pytest.fixture(scope="module")
def superuser(stack: Stack) -> Iterator[httpx.Client]:
    with signed_in(stack, ADMIN) as client:
        yield client


@pytest.fixture(scope="module")
def staff(stack: Stack) -> Iterator[httpx.Client]:
    with signed_in(stack, STAFF) as client:
        yield client


def change(client: httpx.Client, user_id: int, **body: Any) -> httpx.Response:
    return client.put(f"{USERS}{user_id}/update/", json=body)


def log_in(stack: Stack, password: str = PASSWORD, **name: str) -> httpx.Response:
    headers = {"X-Forwarded-For": new_address()}
    return httpx.post(f"{stack.api_url}/api/login/", json={**name, "password": password}, headers=headers)


def test_a_user_made_by_staff_can_log_in_by_name_and_by_address(stack: Stack, staff: httpx.Client) -> None:
    email = f"{secrets.token_hex(6)}@example.com"
    made = make_user(staff, email=email, password=PASSWORD, first_name="New", country="Canada", gender="male")
    assert (made["country_code"], made["email_is_login"], made["is_active"]) == ("CA", True, True)
    assert log_in(stack, username=made["username"]).status_code == 200
    assert log_in(stack, email=email).status_code == 200
    shown = staff.get(f"{USERS}{made['id']}/").json()["data"]
    assert shown["bookings_count"] == 0
    assert shown["last_login"] is not None


def test_a_username_that_is_a_number_is_that_person_to_agents(stack: Stack, staff: httpx.Client) -> None:
    phone = free_phone()
    made = make_user(staff, username=phone)
    assert made["phone"] == phone
    with anonymous(stack.api_url) as agent:
        booked = agent.book(agent_booking(phone=f"({phone[:3]}) {phone[3:6]}-{phone[6:]}")).json()
    assert (booked["user_created"], booked["user_id"]) == (False, made["id"])
    assert staff.post(f"{USERS}create/", json={"username": "other", "phone": phone}).json()["code"] == "phone_taken"
    moved = free_phone()
    assert change(staff, made["id"], phone=moved).json()["data"]["username"] == moved
    assert change(staff, made["id"], phone="").json()["errors"][0]["field"] == "phone"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "username"),
        ({"username": " "}, "username"),
        ({"username": "<b>"}, "username"),
        ({"username": "x", "email": "nowhere"}, "email"),
        ({"username": "x", "password": "short"}, "password"),
        ({"username": "x", "phone": "call me"}, "phone"),
        ({"username": "5550001111", "phone": "5550002222"}, "phone"),
        ({"username": "x", "is_active": "yes"}, "is_active"),
        ({"username": "x", "id": 7}, "id"),
    ],
)
def test_what_cannot_be_somebody_is_refused_by_field(staff: httpx.Client, body: dict[str, Any], field: str) -> None:
    answer = staff.post(f"{USERS}create/", json=body)
    assert answer.status_code == 400
    assert [problem["field"] for problem in answer.json()["errors"]] == [field]


def test_a_taken_name_is_a_conflict_that_names_it(staff: httpx.Client) -> None:
    email = f"{secrets.token_hex(6)}@example.com"
    first, second = make_user(staff, email=email), make_user(staff)
    assert change(staff, second["id"], email=email.upper()).json()["code"] == "email_taken"
    answer = change(staff, second["id"], username=first["username"].upper())
    assert (answer.status_code, answer.json()["code"]) == (409, "username_taken")


def test_only_what_is_sent_changes_and_an_answer_can_be_sent_back(staff: httpx.Client) -> None:
    made = make_user(staff, first_name="New", gender="male", country="Egypt")
    changed = change(staff, made["id"], first_name="Updated", country="U.S.A.").json()["data"]
    assert changed == made | {"first_name": "Updated", "country": "U.S.A.", "country_code": "US"}
    assert change(staff, made["id"], **changed).json()["data"] == changed
    refused = change(staff, made["id"], **changed | {"id": 1, "date_joined": "2020-01-01", "nickname": "x"})
    assert [problem["field"] for problem in refused.json()["errors"]] == ["nickname"]
    refused = change(staff, made["id"], **changed | {"id": 1, "date_joined": "2020-01-01"})
    assert [problem["field"] for problem in refused.json()["errors"]] == ["id", "date_joined"]


def test_an_agents_contact_sent_back_does_not_become_a_login(stack: Stack, staff: httpx.Client) -> None:
    phone, email = free_phone(), f"{secrets.token_hex(6)}@example.com"
    with anonymous(stack.api_url) as agent:
        user_id = agent.book(agent_booking(phone=phone, email=email)).json()["user_id"]
    assert change(staff, user_id, email=email, first_name="Back").json()["data"]["email_is_login"] is False
    other = f"{secrets.token_hex(6)}@example.com"
    assert (
        change(staff, user_id, email=other).json()["data"] | {"email": other, "email_is_login": True}
        == change(staff, user_id).json()["data"]
    )
    assert change(staff, user_id, email=None).json()["data"]["email"] == ""


def test_staff_may_not_touch_what_only_superusers_may(
    stack: Stack, staff: httpx.Client, superuser: httpx.Client
) -> None:
    person, colleague = make_user(staff), make_user(superuser, is_staff=True, password=PASSWORD)
    refused = [
        staff.post(f"{USERS}create/", json={"username": "x", "is_staff": True}),
        staff.post(f"{USERS}create/", json={"username": "x", "is_superuser": True}),
        change(staff, person["id"], is_staff=True),
        change(staff, person["id"], is_superuser=True),
        change(staff, STAFF, is_superuser=True),
        change(staff, STAFF, password=PASSWORD),
        change(staff, colleague["id"], password=PASSWORD),
        change(staff, colleague["id"], email="mine@example.com"),
        change(staff, colleague["id"], username="mine"),
        change(staff, colleague["id"], is_staff=False),
        change(staff, ADMIN, first_name="Mallory"),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(403, "forbidden")] * len(refused)
    assert change(staff, colleague["id"], first_name="Stella", is_staff=True).status_code == 200
    assert change(superuser, colleague["id"], is_staff=False, password="another one").status_code == 200
    assert log_in(stack, "another one", username=colleague["username"]).json()["is_staff"] is False


def test_staff_may_set_a_users_password_which_ends_their_logins(stack: Stack, staff: httpx.Client) -> None:
    made = make_user(staff, password=PASSWORD)
    access = log_in(stack, username=made["username"]).json()["access"]
    assert change(staff, made["id"], password="another one").status_code == 200
    with httpx.Client(base_url=stack.api_url, headers=bearer(access)) as person:
        wait_until(lambda: person.get("/api/auth/user/").status_code == 401, "the login has ended")
    assert log_in(stack, "another one", username=made["username"]).status_code == 200


def test_the_last_superuser_stays(stack: Stack, superuser: httpx.Client) -> None:
    only_superuser(stack)
    for body in ({"is_superuser": False}, {"is_active": False}):
        answer = change(superuser, ADMIN, **body)
        assert (answer.status_code, answer.json()["code"]) == (409, "last_superuser")
    second = make_user(superuser, is_superuser=True, password=PASSWORD)
    with signed_in(stack, second["id"]) as other:
        assert change(other, second["id"], is_superuser=False).status_code == 200
    assert change(superuser, ADMIN, is_superuser=False).status_code == 409


async def test_of_two_superusers_who_demote_each_other_one_stays(pipeline: Pipeline) -> None:
    """The second one waits, and then is told that nobody else is left."""

    async def open_(name: str) -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(pipeline.url, autocommit=True, application_name=name)

    async def demote(user_id: int, name: str, locked: asyncio.Event, go_on: asyncio.Event) -> bool:
        async with await open_(name) as own, own.transaction():
            if await account_changes.is_last_superuser(own, user_id):
                return False
            locked.set()
            await go_on.wait()
            assert await account_changes.lock(own, user_id) is not None
            await account_changes.write(own, user_id, {"is_superuser": False})
            return True

    async with await open_("makes them") as connection:
        pair = [await users.create_user(connection, NewUser(username=name, is_superuser=True)) for name in ("a", "b")]
    first_locked, go_on, already = asyncio.Event(), asyncio.Event(), asyncio.Event()
    already.set()
    async with asyncio.timeout(20):
        first = asyncio.create_task(demote(pair[0], "first", first_locked, go_on))
        await first_locked.wait()
        second = asyncio.create_task(demote(pair[1], "second", asyncio.Event(), already))
        await until(lambda: lock_waits(pipeline.connection, "second") == 1, "the second waits for the first")
        go_on.set()
        assert (await first, await second) == (True, False)


@pytest.mark.parametrize("ending", [{"is_active": False}, {"is_staff": False}])
def test_what_a_change_ends_is_ended_sockets_included(
    stack: Stack, superuser: httpx.Client, ending: dict[str, Any]
) -> None:
    colleague = make_user(superuser, is_staff=True)
    access = bearer(access_for(stack, colleague["id"]))
    with (
        connect(f"{stack.ws_url}/ws/admin/bookings/", additional_headers=access, close_timeout=1) as socket,
        httpx.Client(base_url=stack.api_url, headers=access) as client,
    ):
        socket.send(json.dumps({"type": "get_bookings"}))
        socket.recv(timeout=5.0)
        assert client.get(USERS).status_code == 200
        assert change(superuser, colleague["id"], **ending).status_code == 200
        wait_until(lambda: client.get(USERS).status_code == 401, "the login has ended")
        assert close_code(socket) == 4401


def close_code(socket: ClientConnection) -> int | None:
    try:
        while True:
            socket.recv(timeout=5.0)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


@pytest.mark.parametrize("user_id", [999_999_999, 2**63, 10**30])
def test_a_user_who_never_was_is_a_404(staff: httpx.Client, user_id: int) -> None:
    for method, path in (("GET", ""), ("PUT", "update/"), ("DELETE", "delete/")):
        answer = staff.request(method, f"{USERS}{user_id}/{path}", json={} if method == "PUT" else None)
        assert answer.status_code == 404
        assert answer.json()["success"] is False
