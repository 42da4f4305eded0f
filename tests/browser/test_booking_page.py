"""`/book/` in Chromium: guests, races, holds, paying and cancelling by keyboard alone, outages, languages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.booking_steps import FOCUSED, PASSWORD, fill_guest, free_day, register, tab_to, times
from tests.browser.conftest import fresh_page, watched
from tests.support.accessibility import serious
from tests.support.clients.callers import execute
from tests.support.clients.http_client import admin, agent_booking
from tests.support.clients.marketplace import BASE as MARKET
from tests.support.clients.rooms import new_room
from tests.support.payments.payer import StripeServer, stack_with_stripe, stripe_server
from tests.support.payments.stripe_standin.server import PUBLISHABLE_KEY
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

STRIPES_SCRIPT = "https://js.stripe.com/v3/"
ELEMENT = """window.Stripe = key => ({
    elements: ({clientSecret}) => ({create: kind => ({
        on: (event, run) => { if (event === "ready") setTimeout(run); },
        mount: place => {
            window.mounted = {key, clientSecret, kind};
            place.textContent = "Stripe's own fields";
        },
    })}),
    confirmPayment: async () => ({}),
});"""
"""What Stripe's script offers a page, as far as ours uses it. The browser judges it by its address, as it does Stripe's."""
LOAD = """address => new Promise(resolve => {
    const script = document.createElement("script");
    script.onload = () => resolve("loaded");
    script.onerror = () => resolve("refused");
    try { script.src = address; document.head.append(script); } catch { resolve("refused"); }
})"""


@pytest.fixture(scope="module")
def stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeServer]:
    with stripe_server(tmp_path_factory.mktemp("stripe")) as one:
        yield one


@pytest.fixture(scope="module")
def paying(postgres: PostgresServer, stripe: StripeServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A demo that pays at the stand-in."""
    with stack_with_stripe(postgres, stripe, tmp_path_factory.mktemp("book")) as running:
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


def new(by: httpx.Client, what: str, **body: Any) -> int:
    """Of the marketplace; its id."""
    answer = by.post(f"{MARKET}/{what}/", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def practitioner(stack: Stack, staff: httpx.Client, name: str) -> int:
    """Who works every day."""
    key = name.replace(" ", ".").lower()
    sql = "INSERT INTO user_account (username, username_key, email, email_key) VALUES (%s, %s, %s, %s) RETURNING id"
    (row,) = execute(stack, sql, key, key, f"{key}@example.com", f"{key}@example.com")
    week = [{"weekday": day, "start": "09:00", "end": "17:00"} for day in range(7)]
    made = new(staff, "practitioners", user_id=row[0], hours=week)
    execute(stack, "UPDATE practitioner SET name = %s WHERE id = %s RETURNING id", name, made)
    return made


@contextmanager
def somebody(stack: Stack, email: str) -> Iterator[httpx.Client]:
    """Registered and signed in."""
    with httpx.Client(base_url=stack.api_url, timeout=60.0) as client:
        body = {"email": email, "password": PASSWORD}
        client.post("/api/register/", json={**body, "confirm_password": PASSWORD}).raise_for_status()
        access = client.post("/api/login/", json=body).raise_for_status().json()["access"]
        client.cookies.clear()
        client.headers["Authorization"] = f"Bearer {access}"
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
    month = page.locator("#month").inner_text()
    tab_to(page, "Next month")
    page.keyboard.press("Enter")
    expect(page.locator("#month")).not_to_have_text(month)  # else the days that are seen are those of the month before
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
    assert serious_in_arabic(page) == []


def pays_by_stripe(route: Route) -> None:
    """As where the operator has a key: the demo says that it pays at its stand-in."""
    about = route.fetch()
    route.fulfill(response=about, json={**about.json(), "payments": "stripe"})


def test_stripes_form_is_loaded_where_one_pays_and_nowhere_else(
    browser: Browser, checked_page: Page, staff: httpx.Client, paying: Stack, stripe: StripeServer, door: str
) -> None:
    page, room, foreign = checked_page, new_room(staff, name="Room of a card"), list[str]()
    page.route(STRIPES_SCRIPT, lambda route: route.fulfill(content_type="text/javascript", body=ELEMENT))
    page.route("**/api/site/", pays_by_stripe)
    page.on("request", lambda request: None if request.url.startswith(door) else foreign.append(request.url))
    page.goto(f"{door}/book/?kind=room&id={room}&date={free_day(paying, 'room', room, after_days=15)}")
    times(page).first.click()
    register(page, "card@example.com")
    assert foreign == []
    page.get_by_role("button", name="Book this time").click()
    expect(page.get_by_text("Stripe's own fields")).to_be_visible()
    assert foreign == [STRIPES_SCRIPT]
    mounted = page.evaluate("() => window.mounted")
    assert (mounted["key"], mounted["kind"]) == (PUBLISHABLE_KEY, "payment")
    assert serious(page) == []
    page.get_by_role("button", name="Pay $50.00").click()
    expect(page.get_by_text("Your payment was sent.")).to_be_visible()
    stripe.pay(mounted["clientSecret"])
    expect(page.get_by_text("This booking is confirmed.")).to_be_visible()
    with fresh_page(browser) as elsewhere:
        elsewhere.route(STRIPES_SCRIPT, lambda route: route.fulfill(content_type="text/javascript", body=ELEMENT))
        for path in ("", "book/", "b/nothing/", "account/", "admin/"):
            elsewhere.goto(f"{door}/{path}")
            assert elsewhere.evaluate(LOAD, STRIPES_SCRIPT) == "refused", path


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
        assert serious(holder) == []
        assert serious_in_arabic(holder) == []
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


def test_where_a_session_is_full_one_waits_for_a_seat(
    checked_page: Page, staff: httpx.Client, paying: Stack, door: str
) -> None:
    page, starts = (
        checked_page,
        datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=10),
    )
    whom = practitioner(paying, staff, "Wanda Workshop")
    workshop = new(
        staff, "services", booking_type="workshop", name="Full workshop", duration_minutes=60, practitioner_ids=[whom]
    )
    when = {"start_time": starts.isoformat(), "end_time": (starts + timedelta(hours=1)).isoformat()}
    session = new(staff, "sessions", service_id=workshop, practitioner_id=whom, capacity=1, **when)
    with somebody(paying, "seated@example.com") as other:
        new(other, "bookings", service_id=workshop, service_session_id=session)
    page.goto(f"{door}/book/?kind=workshop&id={workshop}")
    page.get_by_role("button", name="Join the waiting list").click()
    assert serious(page) == []
    register(page, "waiting@example.com")  # and is on the list, as was asked
    expect(page.get_by_text("You are number 1 on the waiting list.")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="Wait no longer").click()
    expect(page.get_by_role("button", name="Join the waiting list")).to_be_visible()


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


def test_a_link_is_readable_when_its_booking_was_moved_it_is_unknown_or_nothing_answers(
    checked_page: Page, staff: httpx.Client, paying: Stack, door: str
) -> None:
    page, whom = checked_page, practitioner(paying, staff, "Mona Moved")
    hour = new(staff, "services", name="Hour that moves", duration_minutes=60, practitioner_ids=[whom])
    day = free_day(paying, "individual", hour, after_days=12)
    with somebody(paying, "moving@example.com") as mover:
        when = {"start_time": f"{day}T09:00:00Z", "end_time": f"{day}T10:00:00Z"}
        made = mover.post(f"{MARKET}/bookings/", json={"service_id": hour, "practitioner_id": whom, **when})
        command = {"command_id": made.raise_for_status().headers["Holdfast-Command"]}
        path = mover.post("/api/booking-links/", json=command).raise_for_status().json()["path"]
    page.goto(f"{door}{path}")
    page.get_by_text("Move it to another time").click()
    page.locator("input[type=time]").fill("20:00")
    page.get_by_label("Language").select_option("de")
    page.get_by_role("button", name="Verschieben", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("Zu dieser Zeit arbeitet niemand. Wählen Sie eine andere.")
    page.get_by_label("Sprache").select_option("en")
    assert serious(page) == []
    page.locator("input[type=time]").fill("14:00")
    page.get_by_role("button", name="Move it", exact=True).click()
    expect(page.locator("dd").first).to_contain_text("2:00 PM")
    assert serious(page) == []
    assert serious_in_arabic(page) == []
    page.goto(f"{door}/b/{'x' * 43}/")
    expect(page.get_by_text("This link is unknown or has ended")).to_be_visible()
    assert serious(page) == []
    assert serious_in_arabic(page) == []
    page.route("**/api/guest/bookings/**", lambda route: route.abort())
    page.goto(f"{door}{path}")
    expect(page.get_by_text("The service does not answer right now.")).to_be_visible()
    assert serious(page) == []
    assert serious_in_arabic(page) == []


def test_a_refusal_and_a_field_are_said_in_the_language_of_the_page(
    checked_page: Page, paying: Stack, door: str
) -> None:
    page, day = checked_page, free_day(paying, "service", SERVICE, after_days=34)
    page.goto(f"{door}/book/?kind=service&id={SERVICE}&date={day}&lang=de")
    times(page).first.click()
    page.get_by_label("Vorname").fill(SCRIPT)
    page.get_by_label("Telefonnummer").fill("12")
    page.get_by_role("button", name="Diesen Termin buchen").click()
    expect(page.get_by_role("alert")).to_have_text("Etwas fehlt oder ist anders geschrieben als erwartet.")
    expect(page.locator(".field", has_text="Vorname")).to_contain_text("Schreiben Sie einen Namen, ohne < und >.")
    assert serious(page) == []
    page.get_by_label("Vorname").fill("Gerd")
    page.get_by_role("button", name="Diesen Termin buchen").click()
    phone = page.locator(".field", has_text="Telefonnummer")
    expect(phone).to_contain_text("Schreiben Sie die Nummer mit Ländervorwahl, etwa +49 30 901820.")
    page.get_by_label("Sprache").select_option("en")


def test_times_are_the_viewers_with_the_places_beside_them(browser: Browser, door: str) -> None:
    context = browser.new_context(timezone_id="Asia/Tokyo", locale="en-GB")
    page = context.new_page()
    page.goto(f"{door}/book/?kind=service&id={SERVICE}")
    expect(times(page).first).to_contain_text("6:00 PM")
    expect(times(page).first).to_contain_text("9:00 AM there")
    expect(page.get_by_text("Times are yours (Japan Standard Time).")).to_be_visible()
    context.close()


def test_a_script_in_every_name_stays_text(checked_page: Page, staff: httpx.Client, paying: Stack, door: str) -> None:
    """The API takes no such name; a page does not count on it."""
    page, room = checked_page, new_room(staff, name="Room of a script")
    both = [practitioner(paying, staff, name) for name in ("Sam Script", "Pat Plain")]
    session = new(staff, "services", name="Session of a script", duration_minutes=60, practitioner_ids=both)
    category = staff.post("/api/admin/categories/", json={"name": "Category of a script"}).json()["id"]
    for table, id_ in (("room", room), ("service", session), ("category", category), ("practitioner", both[0])):
        execute(paying, f"UPDATE {table} SET name = %s WHERE id = %s RETURNING id", SCRIPT, id_)
    page.goto(f"{door}/book/")
    expect(page.get_by_role("link", name=SCRIPT)).to_have_count(5)  # the session stands with both practitioners too
    expect(page.get_by_role("heading", name=SCRIPT)).to_have_count(4)
    people = page.get_by_role("region", name="Practitioners").get_by_role("listitem")
    people.filter(has_text="Pat Plain").get_by_role("link").click()
    expect(page.get_by_role("heading", name=SCRIPT)).to_be_visible()
    expect(page.get_by_label("With whom?")).to_contain_text(SCRIPT)
    expect(page.get_by_label("With whom?")).to_have_value(str(both[1]))
    page.goto(f"{door}/book/?kind=service&id={SERVICE}")
    times(page).first.click()
    fill_guest(page, "+49305550401", SCRIPT)
    page.get_by_role("button", name="Book this time").click()
    expect(page.get_by_text("must not contain < or >").first).to_be_visible()
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
