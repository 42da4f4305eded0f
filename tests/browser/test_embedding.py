"""The booking page within somebody else's page, in Chromium: another site frames ours, and the browser decides."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Page, expect

from core.identity.demo_accounts import STAFF
from tests.browser.booking_steps import fill_guest, free_day, register, times
from tests.browser.conftest import watched
from tests.support.accessibility import serious
from tests.support.clients.callers import execute
from tests.support.clients.http_client import admin
from tests.support.processes.front_door import front_door as front_door_of
from tests.support.processes.stack import Stack

SERVICE, ROOM = 1, 1
SHOP = """<!doctype html><html lang="en"><title>A shop</title><h1>A shop</h1>
<script src="{script}" data-title="Book with us" {options} async></script>"""


@pytest.fixture(scope="module")
def door(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("caddy")
    with front_door_of(
        folder, api_port=stack.api_port, notifier_port=stack.notifier_port, site_host="localhost"
    ) as door:
        yield door.url


class Shop:
    """Somebody else's site: 127.0.0.1 is none of ours, which is localhost."""

    def __init__(self, port: int) -> None:
        self.origin = f"http://127.0.0.1:{port}"
        self.page = b""


@pytest.fixture
def shop() -> Iterator[Shop]:
    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(one.page)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        one = Shop(server.server_port)
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield one
        server.shutdown()
        thread.join(5)


@pytest.fixture
def allowed(stack: Stack, shop: Shop) -> Iterator[None]:
    with admin(stack.api_url) as staff:
        staff.post("/api/admin/embedding-origins/", json={"origin": shop.origin}).raise_for_status()
    yield
    execute(stack, "DELETE FROM embedding_origin RETURNING id")


def show(page: Page, shop: Shop, door: str, options: str = "") -> None:
    shop.page = SHOP.format(script=f"{door}/book/embed.js", options=options).encode()
    page.goto(shop.origin)


@pytest.mark.usefixtures("allowed")
def test_a_page_of_an_allowed_origin_books_without_a_login(
    checked_page: Page, stack: Stack, shop: Shop, door: str
) -> None:
    page = checked_page
    page.goto(f"{door}/")
    page.get_by_role("button", name=f"Sign in as {STAFF.username}").click()
    expect(page.get_by_text("You are signed in as Stan Staff.")).to_be_visible()
    show(page, shop, door, f'data-kind="service" data-id="{SERVICE}" data-language="de"')
    frame = page.frame_locator('iframe[title="Book with us"]')
    expect(frame.get_by_role("button", name="Nächster Monat")).to_be_visible()
    frame.get_by_label("Sprache").select_option("en")
    expect(page.get_by_role("link", name="Book with us")).to_be_hidden()
    times(frame).last.click()
    fill_guest(frame, "+49305550301", "Frieda")
    frame.get_by_role("button", name="Book this time").click()
    expect(frame.get_by_text("Thank you. It is booked.")).to_be_visible()
    expect(frame.get_by_role("link", name="Change or cancel it")).to_have_attribute("target", "_blank")
    within = page.frames[1]
    page.wait_for_function("() => document.querySelector('iframe').getBoundingClientRect().height > 320")
    within.wait_for_function("() => document.documentElement.scrollHeight <= document.documentElement.clientHeight")
    by = execute(
        stack,
        "SELECT u.id FROM booking b JOIN user_account u ON u.id = b.user_id WHERE u.phone LIKE %s",
        "%305550301",
    )
    assert len(by) == 1
    with page.expect_popup() as opened:
        frame.get_by_role("link", name="Change or cancel it").click()
    expect(opened.value.get_by_text("This booking is confirmed.")).to_be_visible()


def test_the_browser_shows_no_frame_to_another_origin(page: Page, shop: Shop, door: str) -> None:
    show(page, shop, door)
    link = page.get_by_role("link", name="Book with us")
    expect(link).to_be_visible()
    expect(link).to_have_attribute("href", f"{door}/book/")
    expect(page.locator("iframe")).to_be_hidden()
    assert page.frames[1].url.startswith("chrome-error:")


@pytest.mark.usefixtures("allowed")
def test_what_needs_an_account_goes_on_in_a_window_with_what_was_entered(
    checked_page: Page, stack: Stack, shop: Shop, door: str
) -> None:
    page = checked_page
    day = free_day(stack, "room", ROOM, after_days=40)
    show(page, shop, door, f'data-kind="room" data-id="{ROOM}"')
    frame = page.frame_locator("iframe")
    expect(times(frame).first).to_be_visible()
    page.frames[1].goto(f"{door}/book/embed/?kind=room&id={ROOM}&date={day}")
    times(frame).first.click()
    frame.get_by_label("Notes").fill("Water & <b>glasses</b> 100%")
    chosen = frame.locator(".book__chosen").inner_text()
    with page.expect_popup() as opened:
        frame.get_by_role("link", name="Sign in in a new window").click()
    window = opened.value
    with watched(window):
        expect(window.get_by_label("Notes")).to_have_value("Water & <b>glasses</b> 100%")
        assert window.locator(".book__chosen").inner_text() == chosen
        assert "#" not in window.url
        register(window, "embedded@example.com")
        window.get_by_role("button", name="Book this time").click()
        expect(window.get_by_role("timer")).to_be_visible()
    expect(frame.get_by_label("Notes")).to_have_value("Water & <b>glasses</b> 100%")


def test_the_embedded_page_is_readable_by_everybody(checked_page: Page, door: str) -> None:
    page = checked_page
    page.goto(f"{door}/book/embed/?kind=room&id={ROOM}")
    expect(times(page).first).to_be_visible()
    assert serious(page) == []
    times(page).first.click()
    expect(page.get_by_role("link", name="Sign in in a new window")).to_be_visible()
    assert serious(page) == []
    page.get_by_label("Language").select_option("ar")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    assert serious(page) == []
    page.goto(f"{door}/book/embed/?kind=service&id={SERVICE}&lang=en")
    times(page).last.click()
    fill_guest(page, "+49305550302", "Fritz")
    page.get_by_role("button", name="Book this time").click()
    expect(page.get_by_text("Thank you. It is booked.")).to_be_visible()
    expect(page.get_by_role("term").first).to_be_visible()
    assert serious(page) == []
