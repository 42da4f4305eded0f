"""What somebody does on the booking page, for the tests of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import FrameLocator, Locator, Page

from tests.support.processes.stack import Stack

PASSWORD = "a long password of this test"
TABS_MAX = 80
FOCUSED = """() => {
    const one = document.activeElement;
    if (!one?.matches("a, button, input, select, textarea, summary")) return "";  // the text of a whole region
    return (one?.getAttribute("aria-label") || one?.labels?.[0]?.innerText || one?.innerText || "").trim();
}"""

IS_SHOWN = """() => {
    const one = document.activeElement;
    return one.matches(":focus-visible") && getComputedStyle(one).outlineStyle !== "none";
}"""


def free_day(stack: Stack, kind: str, id_: int, *, after_days: int) -> str:
    """A day that has times, some days from now: each test has its own."""
    start = (datetime.now(UTC).date() + timedelta(days=after_days)).isoformat()
    query: dict[str, Any] = {"kind": kind, "id": id_, "start_date": start, "days": 14}
    days = httpx.get(f"{stack.api_url}/api/catalogue/days/", params=query).raise_for_status().json()["days"]
    return str(next(day["date"] for day in days if day["free"] > 2))


def times(page: Page | FrameLocator) -> Locator:
    return page.locator(".book__times button")


def fill_guest(page: Page | FrameLocator, phone: str, name: str = "Greta") -> None:
    page.get_by_label("First name").fill(name)
    page.get_by_label("Phone number").fill(phone)


def tab_to(page: Page, name: str) -> None:
    """By keyboard alone, as somebody without a mouse would get there."""
    for _ in range(TABS_MAX):
        page.keyboard.press("Tab")
        if name in page.evaluate(FOCUSED):
            assert page.evaluate(IS_SHOWN), f"nobody sees that {name} has the focus"
            return
    pytest.fail(f"{name} cannot be reached by Tab")


def register(page: Page, email: str) -> None:
    """On the spot, by keyboard."""
    tab_to(page, "I am new here")
    page.keyboard.press("Enter")
    tab_to(page, "E-mail address")
    page.keyboard.type(email)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
