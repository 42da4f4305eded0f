"""The `BookingWebSocket` class of the appointments document, unmodified, in a page of our own origin after a login."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DASHBOARD_PATH, fresh_page
from tests.support.clients.http_client import ADMIN, agent_booking
from tests.support.processes.stack import Stack

DOCUMENTED = (Path(__file__).parent / "fixtures" / "booking_websocket.js").read_text()
"""Word for word from the document, its last two lines included: they connect."""

POST = """async ([url, body]) => {
    const token = document.cookie.split('; ').find(pair => pair.startsWith('csrftoken='));
    const headers = {'Content-Type': 'application/json', 'X-CSRFToken': token ? token.slice(10) : ''};
    const answer = await fetch(url, {method: 'POST', headers, body: JSON.stringify(body)});
    return {status: answer.status, body: await answer.json()};
}"""
HEARD = """() => {
    const heard = window.heard = [];
    const listen = bookingWebSocket.handleMessage.bind(bookingWebSocket);
    bookingWebSocket.handleMessage = (message) => { heard.push(message); listen(message); };
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """The dashboard stands where Flower would be, but Flower's policy is not its own."""
    with fresh_page(browser, bypass_csp=True) as page:
        yield page


def post(page: Page, url: str, body: dict[str, Any]) -> Any:
    """Fetch from inside the page, with its cookies."""
    return page.evaluate(POST, [url, body])


def open_dashboard(page: Page, front_door: str) -> None:
    """Log in, then run the documented script; `window.heard` keeps what its class hears."""
    page.goto(f"{front_door}{DASHBOARD_PATH}")
    assert post(page, "/api/login/", ADMIN)["status"] == 200
    page.add_script_tag(content=f"{DOCUMENTED}\n({HEARD})();")  # in one task: before anything can be heard
    page.wait_for_function("() => heard.some(message => message.type === 'bookings_data')")


def test_the_documented_class_shows_a_booking_made_by_an_agent(page: Page, front_door: str) -> None:
    open_dashboard(page, front_door)
    snapshot = page.evaluate("heard.find(message => message.type === 'bookings_data')")
    assert snapshot["data"]
    assert snapshot["data"][0]["user_details"]["username"]

    booking = agent_booking(phone="5558001", first_name="Bea", last_name="Browser", service_name="Legal Consultation")
    answer = post(page, "/api/agent/booking/create/", booking)
    assert answer["status"] == 201

    shown = page.locator(".notification").last
    expect(shown.locator("h4")).to_have_text("New Booking!")
    expect(shown.locator("p")).to_have_text("Bea Browser booked Legal Consultation")
    created = page.evaluate("heard.filter(message => message.type === 'booking_created').pop()")
    assert created["data"]["id"] == answer["body"]["booking_id"]
    assert created["position"]


def test_the_documented_class_comes_back_after_the_notifier_restarts(page: Page, front_door: str, stack: Stack) -> None:
    open_dashboard(page, front_door)
    page.evaluate("heard.length = 0")
    stack.process("notifier").restart()
    page.wait_for_function("() => heard.some(message => message.type === 'bookings_data')")
    answer = post(page, "/api/agent/booking/create/", agent_booking(first_name="Again", last_name="There"))
    assert answer["status"] == 201
    page.wait_for_function("() => heard.some(message => message.type === 'booking_created')")
