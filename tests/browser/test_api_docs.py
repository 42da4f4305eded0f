"""The page at `/api/docs/` in Chromium: complete, under a strict policy, with nothing from anywhere else."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from api.openapi.endpoints import ASSETS
from tests.browser.conftest import fresh_page, watched
from tests.support.processes.stack import Stack


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """Every address that the page asks for."""
    return []


@pytest.fixture(scope="module")
def docs(browser: Browser, stack: Stack, asked: list[str]) -> Iterator[Page]:
    """Opened once, as it takes seconds to draw; of no complaint from the first test to the last."""
    with fresh_page(browser) as page, watched(page):
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{stack.api_url}/api/docs/")
        yield page


def try_out(page: Page, tag: str, operation: str) -> None:
    """As a person does, with the examples that are filled in. Each test has tags of its own."""
    page.locator(f"#operations-tag-{tag} .expand-operation").click()
    block = page.locator(f"#operations-{tag}-{operation}")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    expect(block.locator(".live-responses-table .response .response-col_status")).to_contain_text("200")


def test_the_description_is_shown_and_tried_out_with_nothing_from_another_host(
    docs: Page, stack: Stack, asked: list[str]
) -> None:
    policy = httpx.get(f"{stack.api_url}/api/docs/").headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    try_out(docs, "appointments", "get_services")
    expect(docs.locator(".live-responses-table")).to_contain_text("Services retrieved successfully")
    assert {url.split("/")[2] for url in asked if not url.startswith("data:")} == {stack.api_url.split("/")[2]}


def test_what_is_tried_out_is_filled_in_with_examples_that_succeed(docs: Page) -> None:
    """In path and query, then in a body."""
    try_out(docs, "rooms", "get_rooms_room_id_availability")
    try_out(docs, "accounts", "post_login")


def test_a_token_is_kept_over_a_reload_until_its_owner_logs_out(docs: Page, stack: Stack) -> None:
    """Tried as a person would: log in, put the token in, reload, ask for what only staff see."""
    login = {"username": "9876543210", "password": "admin"}
    access = httpx.post(f"{stack.api_url}/api/login/", json=login).raise_for_status().json()["access"]
    docs.get_by_role("button", name="Authorize").first.click()
    docs.get_by_label("auth-bearer-value").fill(access)
    docs.locator("form", has=docs.get_by_label("auth-bearer-value")).get_by_role(
        "button", name="Apply credentials"
    ).click()
    docs.goto("about:blank")
    docs.goto(f"{stack.api_url}/api/docs/")
    try_out(docs, "appointments", "get_admin_resources")


@pytest.mark.parametrize("name", ASSETS)
def test_an_asset_is_served_as_what_it_is(stack: Stack, name: str) -> None:
    folder, kind = ASSETS[name]
    answer = httpx.get(f"{stack.api_url}/api/docs/assets/{name}")
    assert (answer.headers["Content-Type"], answer.content) == (kind, (folder / name).read_bytes())
