"""The booking page and the desk as Chromium shows them, on a demo with its week: `docs/pictures/`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from core.identity.demo_accounts import STAFF
from ops.demo_week.client import Client
from ops.demo_week.plan import FRIDAY, closed_day, days_of
from ops.demo_week.week import make
from tests.browser.conftest import CHROMIUM, OPTIONS
from tests.conftest import new_stack
from tests.support.pages import ROOT
from tests.support.processes.front_door import front_door
from tests.support.processes.servers import PostgresServer

FOLDER = ROOT / "docs" / "pictures"
SERVICE = 1
BOOKED_IN = "Europe/Berlin"
WIDTH_PX = 1280
WITHIN_MS = 60_000
BYTES_MAX = 150_000


def main(folder: Path) -> list[Path]:
    """Both files, made anew."""
    today = datetime.now(UTC).date()
    FOLDER.mkdir(exist_ok=True)
    with demo(folder, today) as url, opened(url) as page:
        _book(page, today)
        book = _taken(page, "book")
        _desk(page, today)
        return [book, _taken(page, "desk")]


@contextmanager
def demo(folder: Path, today: date) -> Iterator[str]:
    """A front door before a demo whose week is booked."""
    with ExitStack() as closing:
        postgres = PostgresServer(folder / "postgres-of-pages")
        closing.callback(postgres.close)
        postgres.start()
        stack = new_stack(postgres, folder / "stack-of-pages")
        closing.callback(stack.close)
        make(Client(stack.start().api_url, today.isoformat()), today, None)
        door = front_door(
            folder / "caddy", api_port=stack.api_port, notifier_port=stack.notifier_port, site_host="localhost"
        )
        yield closing.enter_context(door).url


@contextmanager
def opened(url: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS), headless=True)
        context = browser.new_context(
            base_url=url,
            locale="en-GB",
            timezone_id=BOOKED_IN,
            color_scheme="light",
            reduced_motion="reduce",
        )
        context.set_default_timeout(WITHIN_MS)
        expect.set_options(timeout=WITHIN_MS)
        yield context.new_page()
        browser.close()


def a_workday(today: date) -> date:
    """Of the demo's week, with bookings in every column."""
    return next(day for day in days_of(today) if day > today and day.weekday() <= FRIDAY and day != closed_day(today))


def _book(page: Page, today: date) -> None:
    page.set_viewport_size({"width": WIDTH_PX, "height": 540})
    page.goto(f"/book/?kind=service&id={SERVICE}&date={a_workday(today).isoformat()}")
    expect(page.locator(".book__times button").first).to_be_visible()


def _desk(page: Page, today: date) -> None:
    page.set_viewport_size({"width": WIDTH_PX, "height": 800})
    page.goto("/admin/")
    page.get_by_label("Email, phone or user name").fill(STAFF.username)
    page.get_by_label("Password").fill(STAFF.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("button", name="New booking")).to_be_visible()
    page.get_by_label("Day", exact=True).fill(a_workday(today).isoformat())
    page.get_by_role("radio", name="Day", exact=True).click()
    expect(page.locator(".ec-event").first).to_be_visible()


def _taken(page: Page, name: str) -> Path:
    file = FOLDER / f"{name}.png"
    page.mouse.move(0, 0)
    page.screenshot(path=file, animations="disabled", caret="hide")
    assert file.stat().st_size < BYTES_MAX, f"{file.name} is too large for a page to show"
    return file
