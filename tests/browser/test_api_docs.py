"""The page at `/api/docs/` in Chromium: complete, under a strict policy, with nothing from anywhere else."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Page, expect

from api.openapi.endpoints import ASSETS
from tests.support.processes.stack import Stack


def test_the_description_is_shown_and_tried_out_with_nothing_from_another_host(page: Page, stack: Stack) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    answer = page.goto(f"{stack.api_url}/api/docs/")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy

    page.locator("#operations-tag-appointments .expand-operation").click()
    page.locator("#operations-appointments-get_services .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table .response .response-col_status")).to_contain_text("200")
    expect(page.locator(".live-responses-table")).to_contain_text("Services retrieved successfully")

    hosts = {url.split("/")[2] for url in asked if not url.startswith("data:")}
    assert hosts == {stack.api_url.split("/")[2]}
    assert complaints == []


def test_a_token_is_kept_over_a_reload_until_its_owner_logs_out(page: Page, stack: Stack) -> None:
    """Tried as a person would: log in, put the token in, reload, ask for what only staff see."""
    login = {"username": "9876543210", "password": "admin"}
    access = httpx.post(f"{stack.api_url}/api/login/", json=login).raise_for_status().json()["access"]
    page.goto(f"{stack.api_url}/api/docs/")
    page.get_by_role("button", name="Authorize").first.click()
    page.get_by_label("auth-bearer-value").fill(access)
    page.locator("form", has=page.get_by_label("auth-bearer-value")).get_by_role(
        "button", name="Apply credentials"
    ).click()
    page.reload()
    page.locator("#operations-tag-appointments .expand-operation").click()
    page.locator("#operations-appointments-get_admin_resources .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table .response .response-col_status")).to_contain_text("200")


def test_what_is_tried_out_is_filled_in_with_examples_that_succeed(page: Page, stack: Stack) -> None:
    """In path and query, then in a body."""
    page.goto(f"{stack.api_url}/api/docs/")
    for tag, operation in (("rooms", "get_rooms_room_id_availability"), ("accounts", "post_login")):
        page.locator(f"#operations-tag-{tag} .expand-operation").click()
        block = page.locator(f"#operations-{tag}-{operation}")
        block.locator(".opblock-summary-control").click()
        block.get_by_role("button", name="Try it out").click()
        block.get_by_role("button", name="Execute").click()
        expect(block.locator(".live-responses-table .response .response-col_status")).to_contain_text("200")


@pytest.mark.parametrize("name", ASSETS)
def test_an_asset_is_served_as_what_it_is(stack: Stack, name: str) -> None:
    folder, kind = ASSETS[name]
    answer = httpx.get(f"{stack.api_url}/api/docs/assets/{name}")
    assert (answer.headers["Content-Type"], answer.content) == (kind, (folder / name).read_bytes())
