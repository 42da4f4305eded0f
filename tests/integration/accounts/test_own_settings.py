"""What people set for themselves: the language of their mails, and whether they are reminded."""

from __future__ import annotations

import secrets

import httpx
import pytest

from api.accounts.limits import SETTINGS_CHANGES
from tests.support.clients.callers import execute, new_person, signed_in
from tests.support.clients.http_client import Client
from tests.support.processes.stack import Stack

PATH = "/api/user/settings/"


def newcomer(stack: Stack) -> httpx.Client:
    ((user_id,),) = execute(stack, "SELECT id FROM user_account WHERE email_key = %s", new_person(stack))
    return signed_in(stack, user_id)


def test_only_what_is_sent_changes(stack: Stack) -> None:
    with newcomer(stack) as client:
        before = {"language": None, "reminders": True, "practitioner_reminders": False}
        assert client.get(PATH).json()["data"] == before
        assert client.patch(PATH, json={"language": "ar"}).json()["data"] == before | {"language": "ar"}
        changed = client.patch(PATH, json={"reminders": False, "practitioner_reminders": True}).json()["data"]
        assert changed == {"language": "ar", "reminders": False, "practitioner_reminders": True}
        assert client.patch(PATH, json={"language": None}).json()["data"] == changed | {"language": None}
        assert client.get(PATH).json()["data"] == changed | {"language": None}


@pytest.mark.parametrize("body", [{"language": "fr"}, {"reminders": None}, {"reminders": 1}, {"theme": "dark"}])
def test_what_cannot_be_set_is_refused(stack: Stack, body: dict[str, object]) -> None:
    with newcomer(stack) as client:
        answer = client.patch(PATH, json=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, next(iter(body)))


def test_who_changes_them_all_the_time_waits(stack: Stack) -> None:
    with newcomer(stack) as client:
        answers = [client.patch(PATH, json={}).status_code for _ in range(SETTINGS_CHANGES.amount + 1)]
        assert answers == [200] * SETTINGS_CHANGES.amount + [429]


def test_whoever_registers_is_written_to_in_the_language_of_their_browser(stack: Stack, client: Client) -> None:
    for header, language in (("de-AT,de;q=0.9,en;q=0.8", "de"), ("fr", None)):
        email = f"l{secrets.token_hex(6)}@example.com"
        body = {"email": email, "password": "a long password", "confirm_password": "a long password"}
        answer = client.post("/api/register/", json=body, headers={"Accept-Language": header})
        assert answer.status_code == 201, answer.text
        assert execute(stack, "SELECT language FROM user_account WHERE email_key = %s", email) == [(language,)]
