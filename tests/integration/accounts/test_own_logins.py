"""Where somebody is signed in, signing out there, and the accounts at providers that sign in to theirs."""

from __future__ import annotations

from uuid import uuid4

import httpx

from tests.support.clients.callers import browser, csrf, execute, log_in, new_person, wait_until_refused
from tests.support.processes.stack import Stack

LOGINS = "/api/user/logins/"
LINKED = "/api/oauth/accounts/"
SQL_LINK = """
INSERT INTO social_account (provider, subject, user_id)
SELECT 'github', %s, id FROM user_account WHERE email = %s RETURNING id
"""


def logins(client: httpx.Client) -> list[dict[str, object]]:
    found: list[dict[str, object]] = client.get(LOGINS).raise_for_status().json()["data"]
    return found


def test_each_login_is_listed_with_its_browser_and_is_ended_by_itself(stack: Stack) -> None:
    email = new_person(stack)
    with browser(stack) as here, browser(stack) as there:
        log_in(there, email)
        here.headers["User-Agent"] = "Kiosk/7 (\tLobby)"
        log_in(here, email)
        this, other = logins(here)
        assert (this["is_this"], this["user_agent"], other["is_this"]) == (True, "Kiosk/7 (Lobby)", False)
        assert here.delete(f"{LOGINS}{other['id']}/", headers=csrf(here)).status_code == 200
        wait_until_refused(there)
        assert [one["id"] for one in logins(here)] == [this["id"]]
        gone = here.delete(f"{LOGINS}{other['id']}/", headers=csrf(here))
        assert (gone.status_code, gone.json()["code"]) == (404, "login_not_found")


def test_all_other_logins_end_at_once_and_the_one_that_asks_goes_on(stack: Stack) -> None:
    email = new_person(stack)
    with browser(stack) as here, browser(stack) as there, browser(stack) as elsewhere:
        for one in (there, elsewhere, here):
            log_in(one, email)
        answer = here.delete(LOGINS, headers=csrf(here))
        assert answer.json()["data"] == {"ended": 2}
        wait_until_refused(there)
        wait_until_refused(elsewhere)
        assert len(logins(here)) == 1


def test_nobody_ends_a_login_of_somebody_else(stack: Stack) -> None:
    with browser(stack) as mine, browser(stack) as theirs:
        log_in(mine, new_person(stack))
        log_in(theirs, new_person(stack))
        other = logins(theirs)[0]["id"]
        for id_ in (other, uuid4()):
            assert mine.delete(f"{LOGINS}{id_}/", headers=csrf(mine)).status_code == 404
        assert logins(theirs)[0]["id"] == other


def test_signing_out_of_the_login_that_asks_clears_its_cookies(stack: Stack) -> None:
    with browser(stack) as client:
        log_in(client, new_person(stack))
        answer = client.delete(f"{LOGINS}{logins(client)[0]['id']}/", headers=csrf(client))
        assert answer.status_code == 200
        assert "holdfast_session" not in client.cookies


def test_a_linked_account_is_dropped_unless_it_is_the_last_way_in(stack: Stack) -> None:
    email = new_person(stack)
    first, last = (execute(stack, SQL_LINK, f"{email}-{number}", email)[0][0] for number in (1, 2))
    with browser(stack) as client:
        log_in(client, email)
        execute(stack, "UPDATE user_account SET password_hash = NULL WHERE email = %s", email)
        assert client.delete(f"{LINKED}{first}/", headers=csrf(client)).status_code == 200
        refused = client.delete(f"{LINKED}{last}/", headers=csrf(client))
        assert (refused.status_code, refused.json()["code"]) == (409, "last_way_in")
        assert [one["id"] for one in client.get(LINKED).json()] == [last]
        with browser(stack) as other:
            log_in(other, new_person(stack))
            assert other.delete(f"{LINKED}{last}/", headers=csrf(other)).json()["code"] == "not_linked"
