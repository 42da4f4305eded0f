"""Signing in with Google and GitHub: whole redirects, against providers that are processes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from ops.ports import free_ports
from tests.support.clients.callers import browser, csrf, execute, new_person
from tests.support.processes.own_api import FreshApi, api
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack
from tests.support.sign_in.providers import Providers, providing
from tests.support.wait import wait_until


@pytest.fixture(scope="module")
def providers(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Providers]:
    folder = tmp_path_factory.mktemp("oauth")
    with providing(folder, partial(api, postgres, folder)) as both:
        yield both


def user_of(client: httpx.Client) -> dict[str, object]:
    user: dict[str, object] = client.get("/api/auth/user/").json()
    return user


def is_nobody(client: httpx.Client) -> bool:
    return client.get("/api/auth/user/").status_code == 401


def verified(email: str) -> dict[str, object]:
    return {"email": email, "primary": True, "verified": True}


def prove_address(stack: Stack, email: str) -> None:
    execute(stack, "UPDATE user_account SET email_verified_at = clock_timestamp() WHERE email_key = %s", email)


def test_status_tells_what_is_set_up(providers: Providers) -> None:
    with browser(providers.stack) as client:
        status = client.get("/api/oauth/status/").json()
    assert status["google"] == {"available": True, "login_url": "/oauth/google/login/"}
    assert status["github"]["available"] is True


def test_the_browser_is_sent_to_google_with_pkce_and_state(providers: Providers) -> None:
    with browser(providers.stack) as client:
        start = client.get("/oauth/google/login/")
    sent = {name: values[0] for name, values in parse_qs(urlsplit(start.headers["Location"]).query).items()}
    assert start.status_code == 302
    assert sent["response_type"] == "code"
    assert sent["code_challenge_method"] == "S256"
    assert sent["redirect_uri"] == f"{providers.stack.api_url}/oauth/google/login/callback/"
    assert {"state", "nonce", "code_challenge", "client_id", "scope"} <= sent.keys()
    assert "code_verifier" not in sent


@pytest.mark.parametrize("name", ["google", "github"])
def test_a_parameter_that_is_not_known_is_refused(providers: Providers, name: str) -> None:
    with browser(providers.stack) as client:
        answer = client.get(f"/oauth/{name}/login/?nxt=/book/")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_somebody_new_gets_an_account_and_a_login(providers: Providers) -> None:
    providers.put_google("g-new", email="g.new@example.com", email_verified=True, given_name="Gina", family_name="New")
    with browser(providers.stack) as client:
        answer = providers.google_login(client, "g-new")
        assert (answer.status_code, answer.headers["Location"]) == (302, f"{providers.stack.api_url}/")
        user = user_of(client)
        assert (user["email"], user["first_name"]) == ("g.new@example.com", "Gina")
        assert client.post("/api/ws-ticket/", headers=csrf(client)).status_code == 200


def test_coming_back_is_the_same_account_whatever_the_address_is_now(providers: Providers) -> None:
    providers.put_google("g-again", email="g.again@example.com", email_verified=True)
    with browser(providers.stack) as client:
        providers.google_login(client, "g-again")
        first = user_of(client)["id"]
    providers.put_google("g-again", email="victim@example.com", email_verified=False)
    with browser(providers.stack) as client:
        providers.google_login(client, "g-again")
        assert user_of(client)["id"] == first


def test_github_signs_in_by_its_verified_primary_address(providers: Providers) -> None:
    other = {"email": "other@example.com", "primary": False, "verified": True}
    providers.put_github("octo", 1001, other, verified("octo@example.com"))
    with browser(providers.stack) as client:
        assert providers.github_login(client, "octo").status_code == 302
        assert user_of(client)["email"] == "octo@example.com"
        accounts = client.get("/api/oauth/accounts/").json()
    assert [(account["provider"], account["uid"]) for account in accounts] == [("github", "1001")]


def test_both_sides_verified_is_one_account(providers: Providers) -> None:
    email = new_person(providers.stack)
    prove_address(providers.stack, email)
    providers.put_google("g-link", email=email.upper(), email_verified=True)
    with browser(providers.stack) as client:
        assert providers.google_login(client, "g-link").status_code == 302
        assert user_of(client)["email"] == email


def test_a_provider_that_lies_about_an_address_gains_nothing(providers: Providers) -> None:
    """It says it verified the victim's address. The victim never proved it here, so nothing is linked."""
    email = new_person(providers.stack)
    providers.put_google("g-liar", email=email, email_verified=True)
    providers.put_github("liar", 6660, verified(email))
    with browser(providers.stack) as client:
        for answer in (providers.google_login(client, "g-liar"), providers.github_login(client, "liar")):
            assert (answer.status_code, answer.json()["code"]) == (403, "email_in_use")
        assert is_nobody(client)
    assert execute(providers.stack, "SELECT FROM social_account WHERE email = %s", email) == []


@pytest.mark.parametrize("claim", [False, "true", 1, None], ids=repr)
def test_an_address_that_google_did_not_verify_opens_nothing(providers: Providers, claim: object) -> None:
    email = new_person(providers.stack)
    prove_address(providers.stack, email)
    providers.put_google("g-unverified", email=email, email_verified=claim)
    with browser(providers.stack) as client:
        answer = providers.google_login(client, "g-unverified")
        assert (answer.status_code, answer.json()["code"]) == (403, "email_not_verified")
        assert is_nobody(client)


def test_an_address_that_github_did_not_verify_opens_nothing(providers: Providers) -> None:
    email = new_person(providers.stack)
    prove_address(providers.stack, email)
    providers.put_github("unverified", 6661, {"email": email, "primary": True, "verified": False})
    with browser(providers.stack) as client:
        assert providers.github_login(client, "unverified").json()["code"] == "email_not_verified"
        assert is_nobody(client)


def test_an_address_that_an_agent_gave_is_no_link(providers: Providers) -> None:
    """No pre-hijack, nor the other way round: the owner of the address gets an account of their own."""
    execute(
        providers.stack,
        "INSERT INTO user_account (username, username_key, phone, phone_key, contact_email) VALUES (%s, %s, %s, %s, %s)",
        *["5550002222"] * 4,
        "agent.gave@example.com",
    )
    providers.put_google("g-agent", email="agent.gave@example.com", email_verified=True)
    with browser(providers.stack) as client:
        providers.google_login(client, "g-agent")
        assert user_of(client)["username"] == "agent.gave@example.com"


def test_resetting_the_password_proves_the_address_and_drops_what_was_planted(providers: Providers) -> None:
    """Pre-hijack: somebody registered the victim's address and linked their own sign-in to it."""
    email = new_person(providers.stack)
    execute(
        providers.stack,
        "INSERT INTO social_account (provider, subject, user_id) SELECT 'github', '6662', id FROM user_account "
        "WHERE email_key = %s",
        email,
    )
    with browser(providers.stack) as client:
        client.post("/api/auth/password/reset/", json={"email": email})
        log = providers.stack.process("api")
        wait_until(lambda: f"mail to {email}" in log.log, "the mail came")
        token = log.log.split(f"mail to {email}")[1].split("\n    ")[1].split("\n")[0]
        body = {"token": token, "password": "the owner's own"}
        assert client.post("/api/auth/password/reset/confirm/", json=body).status_code == 200
    assert execute(providers.stack, "SELECT FROM social_account WHERE subject = '6662'") == []
    providers.put_google("g-owner", email=email, email_verified=True)
    with browser(providers.stack) as client:
        assert providers.google_login(client, "g-owner").status_code == 302


def test_a_way_back_is_good_once(providers: Providers) -> None:
    providers.put_google("g-once", email="g.once@example.com", email_verified=True)
    with browser(providers.stack) as client:
        back = providers.google_sends_back(client, "g-once")
        cookie = client.cookies["holdfast_oauth"]
        assert client.get(back).status_code == 302
        client.cookies.set("holdfast_oauth", cookie, domain="127.0.0.1", path="/oauth")
        answer = client.get(back)
    assert (answer.status_code, answer.json()["code"]) == (400, "oauth_failed")


def test_a_way_back_is_for_the_browser_that_began_it(providers: Providers) -> None:
    """Login CSRF: the attacker's way back, opened in the victim's browser, logs nobody in."""
    providers.put_google("g-attacker", email="g.attacker@example.com", email_verified=True)
    with browser(providers.stack) as attacker, browser(providers.stack) as victim:
        back = providers.google_sends_back(attacker, "g-attacker")
        assert victim.get(back).status_code == 400
        victim.get("/oauth/google/login/")
        assert victim.get(back).status_code == 400
        assert is_nobody(victim)


def test_a_way_back_is_for_its_own_provider(providers: Providers) -> None:
    providers.put_github("mixed", 1002, verified("mixed@example.com"))
    with browser(providers.stack) as client:
        back = providers.github_sends_back(client, "mixed")
        assert client.get(back.replace("/github/", "/google/")).status_code == 400


def test_a_way_back_that_took_too_long_is_refused(providers: Providers) -> None:
    providers.put_google("g-late", email="g.late@example.com", email_verified=True)
    with browser(providers.stack) as client:
        back = providers.google_sends_back(client, "g-late")
        execute(providers.stack, "UPDATE oauth_attempt SET expires_at = clock_timestamp()")
        assert client.get(back).status_code == 400


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x", "?code=x&state=x", "?error=access_denied"])
def test_a_way_back_that_was_made_up_is_refused(providers: Providers, query: str) -> None:
    with browser(providers.stack) as client:
        assert client.get(f"/oauth/google/login/callback/{query}").status_code == 400


def test_a_made_up_code_is_refused(providers: Providers) -> None:
    for name in ("google", "github"):
        with browser(providers.stack) as client:
            start = client.get(f"/oauth/{name}/login/").headers["Location"]
            state = parse_qs(urlsplit(start).query)["state"][0]
            answer = client.get(f"/oauth/{name}/login/callback/?code=made-up&state={state}")
            assert (answer.status_code, answer.json()["code"]) == (400, "oauth_failed")


def test_saying_no_at_the_provider_logs_nobody_in(providers: Providers) -> None:
    with browser(providers.stack) as client:
        start = client.get("/oauth/google/login/").headers["Location"]
        state = parse_qs(urlsplit(start).query)["state"][0]
        answer = client.get(f"/oauth/google/login/callback/?error=access_denied&state={state}")
        assert (answer.status_code, answer.json()["code"]) == (403, "oauth_denied")


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("/book/?service=2", "/book/?service=2"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("/%0d%0aSet-Cookie:x", "/%0d%0aSet-Cookie:x"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: x=1", "/"),
    ],
)
def test_a_redirect_after_the_login_stays_on_our_origin(providers: Providers, wanted: str, got: str) -> None:
    providers.put_google("g-next", email="g.next@example.com", email_verified=True)
    with browser(providers.stack) as client:
        path = str(httpx.URL("/oauth/google/login/", params={"next": wanted}))
        answer = client.get(providers.google_sends_back(client, "g-next", path))
    assert answer.headers["Location"] == providers.stack.api_url + got


def test_a_provider_s_name_for_somebody_cannot_carry_markup(providers: Providers) -> None:
    providers.put_google("g-xss", email="g.xss@example.com", email_verified=True, given_name="<img src=x>")
    with browser(providers.stack) as client:
        providers.google_login(client, "g-xss")
        assert user_of(client)["first_name"] == ""


def test_a_closed_account_stays_closed(providers: Providers) -> None:
    providers.put_google("g-closed", email="g.closed@example.com", email_verified=True)
    with browser(providers.stack) as client:
        providers.google_login(client, "g-closed")
    execute(providers.stack, "UPDATE user_account SET is_active = false WHERE email_key = 'g.closed@example.com'")
    with browser(providers.stack) as client:
        assert providers.google_login(client, "g-closed").json()["code"] == "account_closed"
        assert is_nobody(client)


def test_an_account_that_is_closed_while_its_owner_comes_back_stays_closed(providers: Providers) -> None:
    """Found open, it is closed before the login is written: that waits for a lock until it is."""
    providers.put_google("g-race", email="race@example.com", email_verified=True)
    providers.put_github("race", 1003, verified("race@example.com"))
    for login in (partial(providers.google_login, sub="g-race"), partial(providers.github_login, login="race")):
        with browser(providers.stack) as client:
            assert login(client).status_code == 302
        with browser(providers.stack) as client, ThreadPoolExecutor(1) as pool:
            with providers.stack.database() as connection, connection.transaction():
                connection.execute("LOCK TABLE login_session")
                coming_back = pool.submit(login, client)
                wait_until(lambda: is_being_written(providers.stack), "the login is being written")
                connection.execute("UPDATE user_account SET is_active = false WHERE email_key = 'race@example.com'")
            answer = coming_back.result()
            assert (answer.status_code, answer.json()["code"]) == (401, "wrong_credentials")
            assert is_nobody(client)
        execute(providers.stack, "UPDATE user_account SET is_active = true WHERE email_key = 'race@example.com'")


def is_being_written(stack: Stack) -> bool:
    sql = """SELECT pid FROM pg_stat_activity
             WHERE wait_event_type = 'Lock' AND query LIKE '%%INTO login_session%%' AND datname = %s"""
    return bool(execute(stack, sql, stack.database_url.rsplit("/", 1)[1]))


def test_a_provider_that_is_not_set_up_is_reported_and_refused(stack: Stack) -> None:
    with browser(stack) as client:
        assert client.get("/api/oauth/status/").json()["google"]["available"] is False
        for path in ("/oauth/google/login/", "/oauth/github/login/callback/"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "provider_not_configured")


def test_accounts_are_for_who_is_logged_in(stack: Stack) -> None:
    with browser(stack) as client:
        assert client.get("/api/oauth/accounts/").status_code == 401


def test_a_provider_that_is_away_is_a_503(fresh_api: FreshApi) -> None:
    away = f"http://127.0.0.1:{free_ports(1)[0]}"
    client_of_theirs = {"HOLDFAST_GOOGLE_CLIENT_ID": "id", "HOLDFAST_GOOGLE_CLIENT_SECRET": "secret-of-the-tests"}
    stack = fresh_api({**client_of_theirs, "HOLDFAST_GOOGLE_ISSUER": away})
    with browser(stack) as client:
        answer = client.get("/oauth/google/login/")
    assert (answer.status_code, answer.json()["code"]) == (503, "provider_unavailable")
    assert answer.headers["Retry-After"]
