"""`/account/` with accounts at providers: linked, signed in with, and unlinked, against a provider of its own process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from ops.ports import free_ports
from tests.support.accessibility import serious
from tests.support.clients.callers import PASSWORD, execute, new_person
from tests.support.processes.front_door import front_door
from tests.support.processes.own_api import api
from tests.support.processes.servers import PostgresServer
from tests.support.sign_in.providers import Providers, providing


@pytest.fixture(scope="module")
def door_port() -> int:
    """Known before the API starts: a provider sends browsers back to this address."""
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def providers(
    postgres: PostgresServer, door_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Providers]:
    folder, here = tmp_path_factory.mktemp("oauth"), {"HOLDFAST_PUBLIC_URL": f"http://localhost:{door_port}"}
    with providing(folder, lambda settings: api(postgres, folder, {**settings, **here})) as both:
        yield both


@pytest.fixture(scope="module")
def door(providers: Providers, door_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("caddy")
    with front_door(folder, own_port=door_port, api_port=providers.stack.api_port, site_host="localhost") as one:
        yield one.url


def agree(page: Page, providers: Providers, sub: str) -> None:
    """At the provider, on its own page."""
    expect(page.get_by_role("heading", name="Authorize Client")).to_be_visible()
    assert page.url.startswith(providers.google)
    page.get_by_placeholder("sub").fill(sub)
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_role("heading", name="Your account", exact=True)).to_be_visible()


def test_an_account_at_a_provider_is_linked_signed_in_with_and_unlinked(
    checked_page: Page, providers: Providers, door: str
) -> None:
    page, email = checked_page, new_person(providers.stack)
    page.route("https://**", lambda route: route.abort())  # the provider's page would fetch a style from afar
    proved = "UPDATE user_account SET email_verified_at = clock_timestamp() WHERE email = %s"
    execute(providers.stack, proved, email)
    providers.put_google("g-account", email=email, email_verified=True)
    page.goto(f"{door}/account/")
    page.get_by_label("Email, phone or user name").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    linked = page.get_by_role("region", name="Signing in with others")
    linked.get_by_role("link", name="Link Google").click()
    agree(page, providers, "g-account")
    expect(linked.get_by_role("listitem")).to_contain_text(f"Google {email}")
    expect(linked.get_by_role("link", name="Link Google")).to_have_count(0)
    assert serious(page) == []
    logins = page.get_by_role("region", name="Where you are signed in").get_by_role("listitem")
    logins.filter(has_text="here").get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Sign in with Google").click()
    agree(page, providers, "g-account")
    linked.get_by_role("button", name="Unlink").press("Enter")
    linked.get_by_role("button", name="Yes, unlink").press("Enter")
    expect(linked.get_by_role("link", name="Link Google")).to_be_visible()
    expect(linked.get_by_role("listitem")).to_have_count(0)
