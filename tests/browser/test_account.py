"""`/account/`: what somebody does with their own account."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.accessibility import serious
from tests.support.clients.callers import PASSWORD, browser, csrf, new_person
from tests.support.clients.http_client import free_slot
from tests.support.processes.front_door import FrontDoor
from tests.support.processes.front_door import front_door as front_door_of
from tests.support.processes.stack import Stack


@pytest.fixture(scope="module")
def door(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDoor]:
    folder = tmp_path_factory.mktemp("caddy")
    with front_door_of(
        folder, api_port=stack.api_port, notifier_port=stack.notifier_port, site_host="localhost"
    ) as one:
        yield one


@pytest.fixture
def email(stack: Stack) -> str:
    """Somebody new with a booking."""
    address = new_person(stack)
    with browser(stack) as client:
        client.post("/api/auth/login/", json={"username": address, "password": PASSWORD}).raise_for_status()
        body = {"service_name": "Legal Consultation", **free_slot()}
        assert client.post("/api/booking/create/", json=body, headers=csrf(client)).status_code == 201
    return address


def test_somebody_cancels_a_booking_makes_a_link_changes_the_password_and_leaves(
    checked_page: Page, door: FrontDoor, email: str
) -> None:
    page = checked_page
    page.goto(f"{door.url}/account/")
    page.get_by_label("Email, phone or user name").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    booking = page.get_by_role("listitem").filter(has_text="Legal Consultation")
    expect(booking).to_be_visible()
    assert serious(page) == []
    booking.get_by_role("button", name="Cancel").click()
    expect(booking.get_by_role("button", name="Cancel")).to_be_hidden()
    page.get_by_role("button", name="Make a link").click()
    address = page.locator("code").inner_text()
    assert httpx.get(f"{door.url}{httpx.URL(address).path}").text.startswith("BEGIN:VCALENDAR")
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password").fill(f"{PASSWORD}-2")
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    page.get_by_text("Delete the account").click()
    page.get_by_label("Your password").fill(f"{PASSWORD}-2")
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_role("heading", name="Sign in to your account")).to_be_visible()
