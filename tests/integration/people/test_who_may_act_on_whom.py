"""Who may act on whose account, and who sees whose address: every route that names a person is walked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from api.accounts.limits import EXPORTS
from api.limits.write_limits import REFUSED_MAX
from api.route_rules import TABLE, Rule
from core.identity.demo_accounts import AGENT_KEY
from core.identity.principals import PrincipalKind as Kind
from tests.conftest import FIGURE
from tests.support.clients.callers import (
    ADMIN,
    PRACTITIONER,
    STAFF,
    bearer,
    browser,
    execute,
    log_in,
    new_person,
    signed_in,
)
from tests.support.clients.http_client import AGENT_EXAMPLE, Client, free_slot
from tests.support.clients.people import make_user
from tests.support.conformance.description import served
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

USERS = "/api/admin/users/"
PRACTITIONERS = "/api/v1/drf/practitioners/"

REFUSALS_AT_MOST = 2 * REFUSED_MAX + 4
"""A window may end in between, and each API process learns by itself that there were too many."""


@pytest.fixture(scope="module")
def superuser(stack: Stack) -> Iterator[Client]:
    with signed_in(stack, ADMIN) as one:
        yield one


@pytest.fixture(scope="module")
def staff(stack: Stack) -> Iterator[Client]:
    with signed_in(stack, STAFF) as one:
        yield one


def make(client: httpx.Client, **body: Any) -> int:
    return int(make_user(client, **body)["id"])


def update(field: str, value: Any) -> tuple[str, str, Any]:
    return "PUT", "/api/admin/users/{id}/update", {field: value}


ACTS: dict[str, tuple[str, str, Any]] = {
    "deactivate": update("is_active", False),
    "give a role": update("is_superuser", True),
    "take a role": update("is_staff", False),
    "set the password": update("password", "password123456"),
    "change the address": update("email", "other@example.com"),
    "change the username": update("username", "othername"),
    "change the phone": update("phone", "2025550199"),
    "delete": ("DELETE", "/api/admin/users/{id}/delete", None),
    "confirm the address": ("POST", "/api/admin/users/{id}/confirm-email", None),
    "make a practitioner": ("POST", "/api/v1/drf/practitioners", {"user_id": 0}),
}
"""Everything that ends a person's logins, lets somebody in as them, or ends the account."""


def test_every_route_that_acts_on_an_account_is_walked() -> None:
    walked = {(method, path) for method, path, _ in ACTS.values()}
    acts_on_people = {
        (method, path)
        for path, rules in TABLE.items()
        for method, rule in rules.items()
        if "/users/{id}" in path and method != "GET" and rule is Rule.STAFF
    }
    assert acts_on_people - walked == set()


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("role", ["is_staff", "is_superuser"])
def test_staff_act_on_other_staff_only_as_superusers(
    stack: Stack, staff: Client, superuser: Client, role: str, act: str
) -> None:
    method, path, body = ACTS[act]
    target = make(superuser, **{"is_staff": True, role: True})
    execute(stack, "UPDATE user_account SET contact_email = %s WHERE id = %s", f"{target}@example.com", target)
    sent = {"user_id": target} if path.endswith("practitioners") else body
    answer = staff.request(method, path.format(id=target) + "/", json=sent)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), answer.text
    assert "superuser" in answer.json()["message"]
    assert superuser.delete(f"{USERS}{target}/delete/").status_code == 200


@pytest.mark.parametrize("role", ["is_staff", "is_superuser"])
def test_the_data_of_staff_is_exported_by_superusers_alone(
    stack: Stack, staff: Client, superuser: Client, role: str
) -> None:
    target = make(superuser, **{"is_staff": True, role: True})
    answer = staff.get(f"{USERS}{target}/export/")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), answer.text
    assert superuser.get(f"{USERS}{target}/export/").status_code == 200
    assert superuser.delete(f"{USERS}{target}/delete/").status_code == 200


def test_staff_export_what_is_kept_about_a_person_and_the_log_has_it(stack: Stack, staff: Client) -> None:
    person = make(staff)
    told = staff.get(f"{USERS}{person}/export/")
    assert (told.status_code, len(told.json()["data"]["account"])) == (200, 1)
    assert told.headers["Content-Disposition"].startswith("attachment")
    sql = "SELECT actor_kind FROM audit_entry WHERE action = 'user.exported' AND subject = %s"
    assert execute(stack, sql, f"user:{person}") == [("staff",)]
    assert staff.get(f"{USERS}987654321/export/").json()["code"] == "user_not_found"


def test_exports_by_one_member_of_staff_are_bounded(stack: Stack, superuser: Client) -> None:
    one = make(superuser, is_staff=True)
    with signed_in(stack, one) as staff:
        person = make(staff)
        told = [staff.get(f"{USERS}{person}/export/").status_code for _ in range(EXPORTS.amount + 1)]
    assert told == [200] * EXPORTS.amount + [429]


def test_staff_may_still_close_their_own_account_and_those_of_others(stack: Stack, superuser: Client) -> None:
    one = make(superuser, is_staff=True)
    with signed_in(stack, one) as staff:
        person = make(staff)
        assert staff.put(f"{USERS}{person}/update/", json={"is_active": False}).status_code == 200
        assert staff.delete(f"{USERS}{person}/delete/").status_code == 200
        assert staff.put(f"{USERS}{one}/update/", json={"is_active": False}).status_code == 200


@pytest.mark.parametrize("role", ["is_staff", "is_superuser"])
def test_nobody_deletes_their_own_account_without_confirming_it(stack: Stack, superuser: Client, role: str) -> None:
    one = make(superuser, **{"is_staff": True, role: True})
    with signed_in(stack, one) as person:
        answer = person.delete(f"{USERS}{one}/delete/")
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), answer.text
        assert person.get("/api/auth/user/").status_code == 200
    assert superuser.delete(f"{USERS}{one}/delete/").status_code == 200


def test_whoever_changes_what_they_log_in_with_proves_that_it_is_theirs(stack: Stack, superuser: Client) -> None:
    """An open browser must not be enough to take an account over by a reset mail."""
    one = make(superuser, is_staff=True, password="password123456")
    path = f"{USERS}{one}/update/"
    ways_in = ({"email": f"own{one}@example.com"}, {"username": f"own{one}"}, {"phone": f"2025{one:06}"})
    with signed_in(stack, one) as person:
        for change in ways_in:
            for sent in (change, {**change, "current_password": "not this one"}):
                answer = person.put(path, json=sent)
                assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "current_password")
        assert person.put(path, json={"first_name": "Ona"}).status_code == 200
        for change in ways_in:
            proved = person.put(path, json={**change, "current_password": "password123456"})
            assert proved.status_code == 200, proved.text


def test_whoever_has_no_password_signs_in_again_to_change_what_they_log_in_with(
    stack: Stack, superuser: Client
) -> None:
    one = make(superuser, is_staff=True)
    with signed_in(stack, one) as person:
        path = f"{USERS}{one}/update/"
        assert person.put(path, json={"username": f"first{one}"}).status_code == 200
        execute(
            stack,
            "UPDATE login_session SET created_at = now() - interval '11 minutes' WHERE user_id = %s RETURNING 1",
            one,
        )
        answer = person.put(path, json={"username": f"second{one}"})
        assert (answer.status_code, answer.json()["code"]) == (403, "sign_in_again")


def test_addresses_of_practitioners_are_for_those_who_have_a_booking_with_them(stack: Stack, staff: Client) -> None:
    email = execute(stack, "SELECT email FROM user_account WHERE id = %s", PRACTITIONER)[0][0]
    with browser(stack) as person:
        person.headers.update(bearer(log_in(person, new_person(stack))["access"]))
        one = person.get(PRACTITIONERS).json()["results"][0]
        assert (one["user_id"], one["email"]) == (PRACTITIONER, "")
        assert person.get(f"{PRACTITIONERS}{one['id']}/").json()["email"] == ""
        booked = person.post("/api/v1/drf/bookings/", json=session(one["id"]))
        assert booked.status_code == 201, booked.text
        assert booked.json()["practitioner"]["email"] == email, "the document shows it to who has booked"
        assert person.get(f"{PRACTITIONERS}{one['id']}/").json()["email"] == email
        assert person.get(PRACTITIONERS).json()["results"][0]["email"] == email
    assert staff.get(f"{PRACTITIONERS}{one['id']}/").json()["email"] == email
    with signed_in(stack, PRACTITIONER) as practitioner:
        assert practitioner.get(f"{PRACTITIONERS}{one['id']}/").json()["email"] == email


def session(practitioner_id: int) -> dict[str, Any]:
    times = {"start_time": "2024-07-10T10:00:00Z", "end_time": "2024-07-10T11:00:00Z"}
    return {"practitioner_id": practitioner_id, "service_id": 2, **times}


@pytest.mark.parametrize("kind", [Kind.ANONYMOUS, Kind.USER, Kind.AGENT])
def test_nothing_that_an_anonymous_caller_may_read_shows_an_address_of_staff(
    stack: Stack, kind: Kind, record_property: Any
) -> None:
    """Practitioners' too: each GET route is asked, lists and things with an id."""
    rows = execute(
        stack,
        "SELECT unnest(ARRAY[email, contact_email, phone]) FROM user_account"
        " WHERE is_staff OR is_superuser OR is_practitioner",
    )
    hidden = {row[0] for row in rows if row[0]}
    assert "admin@example.com" in hidden
    walked, told = 0, []
    with browser(stack) as client:
        if kind is Kind.USER:
            client.headers.update(bearer(log_in(client, new_person(stack))["access"]))
        elif kind is Kind.AGENT:
            client.headers["Authorization"] = f"Token {AGENT_KEY}"
        for route in served():
            if route.method != "GET" or "/oauth/" in route.template or route.template.startswith("/api/docs"):
                continue
            if route.template == "/api/site":  # the demo's accounts are everybody's
                continue
            for id_ in ("1", "2", "3") if "{" in route.template else ("",):
                answer = client.get("/".join(id_ if "{" in part else part for part in route.template.split("/")))
                walked += 1
                told += [
                    f"{answer.request.url}: {one}"
                    for one in hidden
                    if one in answer.text and "schema" not in route.template
                ]
    assert told == []
    record_property(FIGURE, f"{walked} answers to {kind} were searched for {len(hidden)} addresses and phones of staff")


def closed_account(client: httpx.Client) -> int:
    return make(client, is_active=False)


@pytest.mark.parametrize("key", [None, AGENT_KEY], ids=["anonymous", "an agent"])
def test_a_user_id_tells_nothing_of_whose_it_is(stack: Stack, staff: Client, key: str | None) -> None:
    answers = set()
    with browser(stack) as client:
        if key:
            client.headers["Authorization"] = f"Token {key}"
        for user_id in (ADMIN, STAFF, PRACTITIONER, 987_654_321, closed_account(staff)):
            body = {"service_name": "Legal Consultation", "user_id": user_id, **free_slot()}
            answer = client.post("/api/booking/create/", json=body)
            answers.add((answer.status_code, answer.text))
    assert {status for status, _ in answers} == {403}
    assert len(answers) == 1, answers
    body = {"service_name": "Legal Consultation", "user_id": 987_654_321, **free_slot()}
    answer = staff.post("/api/booking/create/", json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "user_not_found"), "staff see all accounts"


def test_a_search_for_phone_numbers_of_staff_is_stopped(stack: Stack) -> None:
    """By number it cannot be hidden that somebody is known: so it can be asked but a few times."""
    with browser(stack) as sender:
        command = {**AGENT_EXAMPLE, "phone": "9876543210"}
        for number in range(REFUSALS_AT_MOST):
            prefer = {"Prefer": "respond-async"} if number % 2 else {}
            answer = sender.book({**command, **free_slot()}, **prefer)
            if answer.status_code == 202:
                assert sender.outcome(answer.json()["id"])["response"]["status"] == 403
            elif answer.status_code == 429:
                break
            else:
                assert answer.status_code == 403
        assert (answer.status_code, number >= REFUSED_MAX) == (429, True)
        assert 1 <= int(answer.headers["Retry-After"]) <= 300
    with browser(stack) as other:
        assert other.book({**command, **free_slot()}).status_code == 403


def is_refused(stack: Stack, command_id: str) -> bool:
    return execute(stack, "SELECT http_status FROM outcome WHERE id = %s", command_id) == [(403,)]


def test_a_search_is_stopped_though_nobody_asks_the_api_what_became_of_it(stack: Stack) -> None:
    """`/ws/commands/` tells anonymous clients, too."""
    with browser(stack) as sender:
        command = {**AGENT_EXAMPLE, "phone": "9876543210"}
        refused = 0
        while (answer := sender.book({**command, **free_slot()}, Prefer="respond-async")).status_code == 202:
            wait_until(partial(is_refused, stack, answer.json()["id"]), "it is refused")
            refused += 1
            assert refused < REFUSALS_AT_MOST
        assert (answer.status_code, refused >= REFUSED_MAX) == (429, True)
        assert 1 <= int(answer.headers["Retry-After"]) <= 300
