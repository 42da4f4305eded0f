"""`/book/` in Chromium: guests, races, holds, paying and cancelling by keyboard alone, outages, languages."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.booking_steps import FOCUSED, fill_guest, free_day, register, tab_to, times
from tests.browser.conftest import fresh_page, watched
from tests.support.accessibility import serious
from tests.support.clients.callers import execute
from tests.support.clients.http_client import admin, agent_booking
from tests.support.clients.rooms import new_room
from tests.support.payments.payer import stack_with_stripe, stripe_server
from tests.support.processes.front_door import front_door as front_door_of
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack

SERVICE = 1
SCRIPT = "<img src=x onerror=alert(1)><script>alert(2)</script>"
LOSE_ONE = """(() => {
    const real = window.fetch;
    let left = 1;
    window.fetch = async (...sent) => {
        const answer = await real(...sent);
        if (String(sent[0]).includes("/booking/create/") && left-- > 0) throw new TypeError("the answer is lost");
        return answer;
    };
})()"""
"""The first booking is made, and its answer never comes."""


@pytest.fixture(scope="module")
def paying(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A demo that pays at the stand-in."""
    folder = tmp_path_factory.mktemp("book")
    with stripe_server(folder / "stripe") as stripe, stack_with_stripe(postgres, stripe, folder / "stack") as running:
        yield running


@pytest.fixture(scope="module")
def door(paying: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("caddy")
    with front_door_of(
        folder, api_port=paying.api_port, notifier_port=paying.notifier_port, site_host="localhost"
    ) as door:
        yield door.url


@pytest.fixture(scope="module")
def staff(paying: Stack) -> Iterator[httpx.Client]:
    with admin(paying.api_url) as client:
        yield client


def serious_in_arabic(page: Page) -> list[str]:
    """The same page from right to left, and back."""
    page.get_by_label("Language").select_option("ar")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    found = serious(page)
    page.get_by_label("اللغة").select_option("en")
    expect(page.locator("html")).to_have_attribute("dir", "ltr")
    return found


def test_of_two_who_want_one_time_the_second_is_offered_the_next(browser: Browser, paying: Stack, door: str) -> None:
    day = free_day(paying, "service", SERVICE, after_days=20)
    with fresh_page(browser) as first, fresh_page(browser) as second, watched(first), watched(second):
        for number, page in enumerate((first, second)):
            page.goto(f"{door}/book/?kind=service&id={SERVICE}&date={day}")
            times(page).nth(1).click()
            fill_guest(page, f"+4930555010{number}")
        wanted = first.locator(".book__chosen").inner_text()
        assert second.locator(".book__chosen").inner_text() == wanted
        first.get_by_role("button", name="Book this time").click()
        expect(first.get_by_text("Thank you. It is booked.")).to_be_visible()
        second.get_by_role("button", name="Book this time").click()
        expect(second.get_by_text("This time is not free any more.")).to_be_visible()
        expect(times(second).first).to_be_visible()
        assert serious(second) == []
        times(second).first.click()
        expect(second.get_by_label("First name")).to_have_value("Greta")
        assert second.locator(".book__chosen").inner_text() != wanted
        second.get_by_role("button", name="Book this time").click()
        expect(second.get_by_text("Thank you. It is booked.")).to_be_visible()
        file = second.get_by_role("link", name="Calendar file").get_attribute("href")
        assert httpx.get(f"{door}{file}").text.startswith("BEGIN:VCALENDAR")
        assert "Greta" not in second.content(), "whoever books for a phone number is not told whose it is"


def test_a_room_is_booked_paid_and_cancelled_by_keyboard_alone(
    checked_page: Page, staff: httpx.Client, door: str
) -> None:
    page = checked_page
    new_room(staff, name="Room of the keyboard")
    page.goto(f"{door}/book/")
    tab_to(page, "Room of the keyboard")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(times(page).first).to_be_visible()
    tab_to(page, "Next month")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="times free").nth(1)).to_be_visible()
    before = page.locator("#day").inner_text()
    tab_to(page, "times free")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#day")).not_to_have_text(before)
    assert "times free" in page.evaluate(FOCUSED), "the focus goes with the day"
    expect(times(page).first).to_be_visible()
    tab_to(page, times(page).first.inner_text().split("\n")[0])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page.get_by_label("Notes")).to_be_visible()
    assert serious(page) == []
    tab_to(page, "Notes")
    page.keyboard.type("Water, please")
    register(page, "keyboard@example.com")
    expect(page.get_by_label("Notes")).to_have_value("Water, please")
    expect(page.get_by_role("button", name="Book this time")).to_be_enabled()
    tab_to(page, "Book this time")
    page.keyboard.press("Enter")
    expect(page.get_by_text("nothing is charged")).to_be_visible()
    expect(page.get_by_role("timer")).to_be_visible()
    assert serious(page) == []
    assert serious_in_arabic(page) == []
    tab_to(page, "Pay $50.00")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This booking is confirmed.")).to_be_visible()
    expect(page.get_by_text("Water, please")).to_be_visible()
    assert serious_in_arabic(page) == []
    tab_to(page, "Cancel this booking")
    page.keyboard.press("Enter")
    tab_to(page, "Yes, cancel it")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This booking is cancelled.")).to_be_visible()
    assert serious(page) == []


def test_a_hold_counts_down_and_its_time_is_free_again(
    browser: Browser, staff: httpx.Client, paying: Stack, door: str
) -> None:
    room = new_room(staff, name="Room of the hold")
    day = free_day(paying, "room", room, after_days=9)
    with fresh_page(browser) as holder, fresh_page(browser) as other, watched(other):
        holder.goto(f"{door}/book/?kind=room&id={room}&date={day}")
        times(holder).first.click()
        register(holder, "holder@example.com")
        holder.get_by_role("button", name="Book this time").click()
        expect(holder.get_by_role("timer")).to_be_visible()
        other.clock.install()
        other.goto(f"{door}/book/?kind=room&id={room}&date={day}")
        expect(times(other)).to_have_count(17)
        execute(
            paying,
            "UPDATE booking SET hold_expires_at = clock_timestamp() + interval '2 s' WHERE resource_id = "
            "(SELECT resource_id FROM room WHERE id = %s) RETURNING id",
            room,
        )
        expect(holder.get_by_text("This booking is expired.")).to_be_visible()
        other.clock.fast_forward(21_000)
        expect(times(other)).to_have_count(18)


def test_back_a_second_tab_and_an_answer_that_is_lost_book_once(page: Page, paying: Stack, door: str) -> None:
    day = free_day(paying, "service", SERVICE, after_days=27)
    second = page.context.new_page()
    page.add_init_script(LOSE_ONE)
    for tab in (page, second):
        tab.goto(f"{door}/book/?kind=service&id={SERVICE}&date={day}")
        times(tab).first.click()
        fill_guest(tab, "+49305550201", "Lost")
    second.route("**/api/catalogue/times/**", lambda route: route.abort())  # it does not look again meanwhile
    page.reload()
    expect(page.get_by_label("First name")).to_have_value("Lost")
    page.get_by_role("button", name="Book this time").click()
    expect(page.get_by_text("The service does not answer right now.")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Thank you. It is booked.")).to_be_visible()
    second.get_by_role("button", name="Book this time").click()
    expect(second).to_have_url(page.url)
    page.go_back()
    expect(page.get_by_text("This time is not free any more.")).to_be_visible()
    made = execute(
        paying,
        "SELECT count(*) FROM booking b JOIN user_account u ON u.id = b.user_id WHERE u.phone LIKE %s",
        "%305550201",
    )
    assert made[0][0] == 1


def test_the_link_of_a_mail_works_without_scripts(browser: Browser, paying: Stack, door: str) -> None:
    made = httpx.post(f"{paying.api_url}/api/agent/booking/create/", json=agent_booking()).raise_for_status()
    given = httpx.post(f"{paying.api_url}/api/booking-links/", json={"command_id": made.headers["Holdfast-Command"]})
    path = given.raise_for_status().json()["path"]
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{door}{path}")
    expect(page).to_have_url(f"{door}{path.replace('/b/', '/guest/')}")
    expect(page.get_by_text("Cancel")).to_be_visible()
    context.close()


def test_times_are_the_viewers_with_the_places_beside_them(browser: Browser, door: str) -> None:
    context = browser.new_context(timezone_id="Asia/Tokyo", locale="en-GB")
    page = context.new_page()
    page.goto(f"{door}/book/?kind=service&id={SERVICE}")
    expect(times(page).first).to_contain_text("6:00 PM")
    expect(times(page).first).to_contain_text("9:00 AM there")
    expect(page.get_by_text("Times are yours (Japan Standard Time).")).to_be_visible()
    context.close()


def test_a_script_in_a_name_stays_text(checked_page: Page, staff: httpx.Client, paying: Stack, door: str) -> None:
    """The API takes no such name; a page does not count on it."""
    page, room = checked_page, new_room(staff, name="Room of a script")
    execute(paying, "UPDATE room SET name = %s WHERE id = %s RETURNING id", SCRIPT, room)
    page.goto(f"{door}/book/")
    expect(page.get_by_role("link", name=SCRIPT)).to_be_visible()
    assert serious(page) == []


def test_other_languages_are_readable_too(checked_page: Page, door: str) -> None:
    page = checked_page
    page.goto(f"{door}/book/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert serious(page) == []
    page.get_by_label("Language").select_option("ar")
    expect(page.get_by_role("heading", name="ماذا تريد أن تحجز؟")).to_be_visible()
    assert page.evaluate("() => document.documentElement.dir") == "rtl"
    assert serious(page) == []
    page.goto(f"{door}/book/?kind=service&id={SERVICE}")
    expect(times(page).first).to_be_visible()
    assert serious(page) == []
    times(page).first.click()
    expect(page.get_by_role("heading", name="Legal Consultation")).to_be_visible()
    assert serious(page) == []
    page.get_by_label("اللغة").select_option("de")
    expect(page.get_by_label("Vorname")).to_be_visible()
    assert serious(page) == []
