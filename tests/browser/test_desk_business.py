"""A business set up from an empty database, by the desk alone, until its first bookings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import fresh_page, watched
from tests.conftest import new_stack
from tests.support.clients.callers import PASSWORD, execute
from tests.support.clients.people import free_phone
from tests.support.processes.front_door import FrontDoor
from tests.support.processes.front_door import front_door as front_door_of
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date()
EMAIL = "owner@example.com"
WEEK = "\n".join(f"{day} 08:00-20:00" for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = {"HOLDFAST_DEMO": "0", "HOLDFAST_API_PROCESSES": "1"}
    folder = tmp_path_factory.mktemp("business")
    one = new_stack(postgres, folder, database_url=postgres.new_database(), environment=settings)
    try:
        yield one.start()
    finally:
        one.close()


@pytest.fixture(scope="module")
def door(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDoor]:
    ports = {"api_port": stack.api_port, "notifier_port": stack.notifier_port}
    with front_door_of(tmp_path_factory.mktemp("caddy"), site_host="localhost", **ports) as one:  # type: ignore[arg-type]
        yield one


@pytest.fixture(scope="module")
def owner(browser: Browser, stack: Stack, door: FrontDoor) -> Iterator[Page]:
    """The first superuser, as `holdfast admin create` makes one; of no complaint to the end."""
    with fresh_page(browser) as page, watched(page):
        body = {"email": EMAIL, "password": PASSWORD, "confirm_password": PASSWORD}
        assert page.request.post(f"{door.url}/api/register/", data=body).ok
        page.context.clear_cookies()
        execute(stack, "UPDATE user_account SET is_staff = true, is_superuser = true WHERE email = %s", EMAIL)
        page.goto(f"{door.url}/admin/#business")
        page.get_by_label("Email, phone or user name").fill(EMAIL)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        yield page


def part(page: Page, name: str) -> None:
    page.get_by_role("link", name="Business").click()
    page.get_by_role("navigation", name="Parts of the business").get_by_role("button", name=name, exact=True).click()


def make(page: Page, what: str, fields: dict[str, str], chosen: dict[str, str] | None = None) -> None:
    """A record, by its form; `what` as its button says."""
    page.get_by_role("button", name=f"New {what}", exact=True).click()
    form = page.get_by_role("form", name=f"New {what}")
    for label, value in fields.items():
        form.get_by_label(label, exact=True).fill(value)
    for label, value in (chosen or {}).items():
        form.get_by_role("combobox", name=label).select_option(label=value)
    form.get_by_role("button", name="Save").click()
    expect(form).to_be_hidden()


def test_a_business_is_set_up_and_takes_its_first_bookings(owner: Page) -> None:
    page = owner
    hours = page.get_by_role("form", name="Hours of the desk")
    hours.get_by_label("Opens at (hour)").fill("8")
    hours.get_by_label("Closes at (hour)").fill("20")
    hours.get_by_label("Sun").set_checked(checked=False)
    hours.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    part(page, "Desk services")
    make(page, "service", {"Name": "Massage", "Minutes": "45"})
    part(page, "Rooms")
    make(page, "room", {"Name": "Blue room", "People at most": "2"})
    part(page, "Categories")
    make(page, "category", {"Name": "Courts"})
    part(page, "Time slots")
    days = {"From day": f"{TOMORROW}", "To day": f"{TOMORROW + timedelta(days=6)}"}
    page.get_by_role("button", name="New weekly pattern").click()
    pattern = page.get_by_role("form", name="New weekly pattern")
    for weekday in ("Sat", "Sun"):
        pattern.get_by_label(weekday).check()
    for label, value in days.items():
        pattern.get_by_label(label, exact=True).fill(value)
    pattern.get_by_label("Category").select_option(label="Courts")
    pattern.get_by_role("button", name="Save").click()
    expect(pattern).to_be_hidden()
    part(page, "Locations")
    make(page, "location", {"Name": "Practice", "Address": "High Street 1"})
    page.get_by_role("button", name="New room here, Practice").click()
    inner = page.get_by_role("form", name="New room here")
    inner.get_by_label("Name of a new room").fill("Quiet corner")
    inner.get_by_role("button", name="Save").click()
    expect(page.get_by_role("cell", name="Quiet corner")).to_be_visible()
    page.get_by_role("link", name="People").click()
    eve = {"User name (phone, email or a name)": "eve@example.com", "First name": "Eve", "Email": "eve@example.com"}
    make(page, "person", eve)
    part(page, "Practitioners")
    make(page, "practitioner", {"Shown as": "Eve", "Hours": WEEK}, {"Whose account": "Eve"})
    part(page, "Practitioners' services")
    page.get_by_role("button", name="New service", exact=True).click()
    offer = page.get_by_role("form", name="New service")
    offer.get_by_label("Name", exact=True).fill("Talk")
    offer.get_by_label("Minutes (of an individual session)").fill("30")
    offer.get_by_role("checkbox", name="Eve").check()
    offer.get_by_role("button", name="Save").click()
    expect(offer).to_be_hidden()
    part(page, "Closures")
    away = {"From day": f"{TOMORROW + timedelta(days=3)}", "Reason": "Holiday"}
    make(page, "closure", away, {"What is closed": "Blue room (room)"})

    page.get_by_role("link", name="Day", exact=True).click()
    page.get_by_label("Day", exact=True).fill(f"{TOMORROW}")
    page.get_by_role("radio", name="List").click()
    for where in ("desk", "Eve", "Courts"):
        book(page, where)
    expect(page.locator("tbody tr")).to_have_count(3)


def book(page: Page, where: str) -> None:
    name = f"Guest of {where}"
    page.get_by_role("button", name="New booking").click()
    panel = page.get_by_role("dialog")
    panel.get_by_label("Where").select_option(label=where)
    panel.get_by_label("First name").fill(name)
    panel.get_by_label("Phone").fill(f"+1{free_phone()}")
    panel.get_by_role("button", name="Book", exact=True).click()
    expect(page.locator("tr", has_text=name)).to_be_visible()


def test_the_first_booking_by_the_public_page_comes_to_the_desk(owner: Page, browser: Browser, door: FrontDoor) -> None:
    """A visitor registers on the spot; the business was made by the desk alone."""
    owner.get_by_role("link", name="Day", exact=True).click()
    with fresh_page(browser) as page, watched(page):
        page.goto(f"{door.url}/book/")
        page.get_by_text("Massage").first.click()
        page.wait_for_url("**id=**")
        page.goto(f"{page.url}&date={TOMORROW}")
        page.locator(".book__times button").last.click()
        page.get_by_role("button", name="I am new here").click()
        page.get_by_label("E-mail address").fill("visitor@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Register", exact=True).click()
        page.get_by_role("button", name="Book this time").click()
        expect(page.get_by_text("Thank you. It is booked.")).to_be_visible()
    expect(owner.locator("tbody tr").filter(has_text="visitor@example.com")).to_be_visible()


def test_a_field_that_is_refused_says_why_beside_itself(owner: Page) -> None:
    part(owner, "Rooms")
    owner.get_by_role("button", name="New room").click()
    form = owner.get_by_role("form", name="New room")
    form.get_by_label("Name", exact=True).fill("Red room")
    form.get_by_label("Opens").fill("18:00")
    form.get_by_label("Closes").fill("09:00")
    form.get_by_role("button", name="Save").click()
    expect(form.locator(".field__problem")).to_have_count(1)
