"""What README.md has for the console of a browser that shows `/api/docs/`."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.support.clients.http_client import agent_booking, anonymous
from tests.support.documented import README
from tests.support.pages import blocks
from tests.support.processes.stack import Stack

(PASTED,) = blocks(README["The bookings, and the admin feed"], "js")


def test_the_printed_lines_open_the_feed_from_a_page(page: Page, front_door: str, stack: Stack) -> None:
    page.goto(f"{front_door}/api/docs/")
    page.evaluate(f"(async () => {{ {PASTED} window.feed = feed; }})()")
    page.wait_for_function("() => feed.readyState === WebSocket.OPEN")
    booking = agent_booking(phone="5558009", first_name="Cora", last_name="Console", service_name="Legal Consultation")
    with (
        page.expect_console_message(lambda message: "booking_created" in message.text and "Cora" in message.text),
        anonymous(stack.api_url) as agent,
    ):
        assert agent.book(booking).status_code == 201
