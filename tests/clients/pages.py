"""Every page as it is served, and as its script draws it, for vnu (the W3C's checker) to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect, sync_playwright

from core.identity.demo_accounts import STAFF
from tests.browser.conftest import CHROMIUM, OPTIONS
from tests.support.clients.http_client import agent_booking
from tests.support.processes.front_door import front_door
from tests.support.processes.stack import Stack

WITHIN_MS = 60_000
DRAWN = "<!doctype html>\n{}"


def write(stack: Stack, folder: Path) -> list[Path]:
    """Each page's file in `folder`."""
    with front_door(
        folder / "caddy", api_port=stack.api_port, notifier_port=stack.notifier_port, site_host="localhost"
    ) as door:
        link = _booking_link(stack)
        served = {name: httpx.get(f"{door.url}{path}") for name, path in _addresses(link).items()}
        texts = {name: answer.raise_for_status().text for name, answer in served.items()}
        texts |= dict(_drawn(door.url, link))
    return [_written(folder / f"{name}.html", text) for name, text in texts.items()]


def _addresses(link: str) -> Mapping[str, str]:
    plain = link.replace("/b/", "/guest/")
    return {
        "index": "/",
        "book": "/book/",
        "embed": "/book/embed/",
        "pay": "/book/pay/",
        "manage": link,
        "account": "/account/",
        "admin": "/admin/",
        "guest": plain,
        "guest-cancel": f"{plain}cancel/",
        "guest-move": f"{plain}move/",
        "docs": "/api/docs/",
    }


def _booking_link(stack: Stack) -> str:
    made = httpx.post(f"{stack.api_url}/api/agent/booking/create/", json=agent_booking()).raise_for_status()
    asked = {"command_id": made.headers["Holdfast-Command"]}
    return str(httpx.post(f"{stack.api_url}/api/booking-links/", json=asked).raise_for_status().json()["path"])


def _drawn(url: str, link: str) -> Iterator[tuple[str, str]]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS), headless=True)
        context = browser.new_context(base_url=url)
        context.set_default_timeout(WITHIN_MS)
        expect.set_options(timeout=WITHIN_MS)
        page = context.new_page()
        for name, path, shown in (
            ("index-drawn", "/", "nav"),
            ("book-things", "/book/", ".book__thing"),
            ("book-times", "/book/?kind=service&id=1", ".book__times button"),
            ("manage-drawn", link, ".summary"),
            ("embed-drawn", "/book/embed/?kind=room&id=1", ".book__times button"),
        ):
            page.goto(path)
            expect(page.locator(shown).first).to_be_visible()
            yield name, _text(page)
        page.locator(".book__times button").first.click()
        expect(page.get_by_label("Notes")).to_be_visible()
        yield "embed-details", _text(page)
        _sign_in(page)
        yield "admin-drawn", _text(page)
        page.goto("/account/")
        expect(page.get_by_role("heading", name="Your account")).to_be_visible()
        yield "account-drawn", _text(page)
        browser.close()


def _sign_in(page: Page) -> None:
    page.goto("/admin/")
    page.get_by_label("Email, phone or user name").fill(STAFF.username)
    page.get_by_label("Password").fill(STAFF.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("button", name="New booking")).to_be_visible()


def _text(page: Page) -> str:
    return DRAWN.format(page.evaluate("() => document.documentElement.outerHTML"))


def _written(file: Path, text: str) -> Path:
    file.write_text(text)
    return file
