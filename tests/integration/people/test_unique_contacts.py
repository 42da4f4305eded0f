"""A number or an address is one person's, by whatever door it comes in and however it is written."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.conftest import FIGURE
from tests.support.clients.bulks import accepted, code_of, finished, rows_of, send
from tests.support.clients.callers import PASSWORD, browser, execute
from tests.support.clients.http_client import Client, agent_booking
from tests.support.processes.stack import Stack

WAYS: dict[str, Callable[[str], str]] = {
    "full width": lambda number: "".join(chr(ord(digit) + 0xFEE0) for digit in number),
    "Arabic-Indic": lambda number: "".join(chr(0x0660 + int(digit)) for digit in number),
    "no-break space": lambda number: f"{number[:3]}\u00a0{number[3:]}",
    "no-break hyphen": lambda number: f"{number[:3]}\u2011{number[3:]}",
    "joiner": lambda number: f"{number[:3]}\u200d{number[3:]}",
    "soft hyphen": lambda number: f"{number[:3]}\u00ad{number[3:]}",
}
USERS = "/api/admin/users/"
SQL_SQUAT = "INSERT INTO user_account (username, username_key) VALUES (%s, %s) RETURNING id"
"""As releases before the rule let it in."""


def registered(client: httpx.Client, username: str) -> httpx.Response:
    return client.post("/api/auth/register/", json={"username": username, "password": PASSWORD})


@pytest.mark.parametrize("number", range(len(WAYS)), ids=list(WAYS))
def test_one_number_is_one_person_at_every_door(stack: Stack, client: Client, desk: httpx.Client, number: int) -> None:
    write = list(WAYS.values())[number]
    phone = f"771000{number}"
    written = write(phone)
    with browser(stack) as newcomer:
        assert registered(newcomer, written).json()["errors"][0]["field"] == "username"
    made = desk.post(f"{USERS}create/", json={"username": written, "password": PASSWORD})
    assert made.status_code == 201, made.text
    person = made.json()["data"]["id"]
    assert desk.post(f"{USERS}create/", json={"username": phone}).json()["code"] in {"username_taken", "phone_taken"}
    assert client.book(agent_booking(phone=phone)).json()["user_id"] == person
    again = client.book(agent_booking(phone=written))
    assert (again.status_code, again.json().get("user_id", person)) in {(201, person), (400, person)}
    with browser(stack) as owner:
        for name in (phone, written):
            assert owner.post("/api/login/", json={"username": name, "password": PASSWORD}).status_code == 200
    listed = desk.get("/api/admin/bookings/", params={"user": written}).json()
    assert {one["user_id"] for one in listed["data"]} == {person}


@pytest.mark.parametrize("number", range(len(WAYS)), ids=list(WAYS))
def test_a_number_that_is_somebody_else_s_username_is_refused_by_the_lane(
    stack: Stack, client: Client, number: int
) -> None:
    """Nothing is parked, and no booking goes to the account that took the number."""
    phone = f"772000{number}"
    [(squatter,)] = execute(stack, SQL_SQUAT, list(WAYS.values())[number](phone), phone)
    answer = client.book(agent_booking(phone=phone, notes="private"))
    assert (answer.status_code, answer.json()["code"]) == (409, "phone_in_use")
    assert [one["field"] for one in answer.json()["errors"]] == ["phone"]
    assert execute(stack, "SELECT count(*) FROM booking WHERE user_id = %s", squatter) == [(0,)]
    execute(stack, "DELETE FROM user_account WHERE id = %s", squatter)
    assert client.book(agent_booking(phone=phone)).json()["user_created"] is True


def test_a_row_of_a_bulk_for_such_a_number_is_refused_and_the_others_are_booked(
    stack: Stack, desk: httpx.Client
) -> None:
    execute(stack, SQL_SQUAT, WAYS["full width"]("7730001"), "7730001")
    batch = accepted(send(desk, [agent_booking(phone="7730001"), agent_booking(phone="7730002")]))
    finished(desk, batch)
    assert list(map(code_of, rows_of(desk, batch))) == ["phone_in_use", "succeeded"]


def test_an_address_is_taken_by_no_look_alike(
    stack: Stack, desk: httpx.Client, record_property: Callable[[str, object], None]
) -> None:
    addresses = ["zoe\uff20example.org", "zoe\ufe6bexample.org", "zoe@exam\u200dple.org", "\uff5aoe@example.org"]
    with browser(stack) as newcomer:
        for address in addresses:
            assert registered(newcomer, address).json()["errors"][0]["field"] == "username"
            body = {"email": address, "password": PASSWORD, "confirm_password": PASSWORD}
            assert newcomer.post("/api/register/", json=body).json()["errors"][0]["field"] == "email"
            sent = {"username": "look alike", "password": PASSWORD, "email": address}
            assert newcomer.post("/api/auth/register/", json=sent).json()["errors"][0]["field"] == "email"
            refused = desk.post(f"{USERS}create/", json={"username": "look alike", "email": address})
            assert refused.json()["errors"][0]["field"] == "email"
    record_property(FIGURE, f"names: {len(WAYS)} ways to write a number, {len(addresses)} an address, at every door")


def test_staff_confirm_no_address_that_folds_into_another_s(stack: Stack, desk: httpx.Client) -> None:
    """Lowered, the Kelvin sign is a small k."""
    [(user_id,)] = execute(
        stack,
        "INSERT INTO user_account (username, username_key, phone, phone_key, contact_email) "
        "VALUES (%s, %s, %s, %s, %s) RETURNING id",
        *["7740001"] * 4,
        "\u212aim@example.org",
    )
    answer = desk.post(f"{USERS}{user_id}/confirm-email/")
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_confirm")


@pytest.mark.parametrize(
    ("older", "name"), [("Ada  Byron", "Ada Byron"), ("Eva\u200d Byron", "Eva Byron"), ("Jean\u2010Luc", "Jean-Luc")]
)
def test_a_user_from_before_the_rule_still_signs_in_when_another_takes_the_key(
    stack: Stack, older: str, name: str
) -> None:
    """Earlier releases kept several blanks, dashes of other kinds and joiners in a key."""
    insert = """
        INSERT INTO user_account (username, username_key, password_hash)
        SELECT %s, %s, password_hash FROM user_account WHERE username = %s RETURNING id
    """
    with browser(stack) as client:
        assert registered(client, name).status_code == 201
        [(person,)] = execute(stack, insert, older, older.casefold(), name)
        answer = client.post("/api/login/", json={"username": older, "password": PASSWORD})
        assert (answer.status_code, answer.json().get("user_id")) == (200, person)
        assert client.post("/api/login/", json={"username": name, "password": PASSWORD}).json()["user_id"] != person
