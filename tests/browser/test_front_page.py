"""`/`: where to go, the state of the service, and the demo's accounts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from core.identity.demo_accounts import STAFF
from tests.support.accessibility import serious
from tests.support.processes.front_door import FrontDoor
from tests.support.processes.front_door import front_door as front_door_of
from tests.support.processes.stack import Stack


@pytest.fixture(scope="module")
def door(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDoor]:
    folder = tmp_path_factory.mktemp("caddy")
    with front_door_of(
        folder, api_port=stack.api_port, notifier_port=stack.notifier_port, site_host="localhost"
    ) as door:
        yield door


def test_it_leads_to_every_part_and_is_readable_by_everybody(checked_page: Page, door: FrontDoor) -> None:
    page = checked_page
    answer = page.goto(f"{door.url}/")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
    expect(page.get_by_text("Bookings get all the way through.")).to_be_visible()
    places = page.get_by_role("navigation").get_by_role("link")
    assert [place.get_attribute("href") for place in places.all()] == [
        "/book/",
        "/admin/",
        "/api/docs/",
        "/api/schema/feeds/",
    ]
    expect(page.get_by_role("button", name=f"Sign in as {STAFF.username}")).to_be_visible()
    assert serious(page) == []
    page.evaluate("() => { document.documentElement.dir = 'rtl'; }")
    assert serious(page) == []


def test_one_click_signs_in_to_a_demo_account_and_another_out(checked_page: Page, door: FrontDoor) -> None:
    page = checked_page
    page.goto(f"{door.url}/")
    page.get_by_role("button", name=f"Sign in as {STAFF.username}").click()
    expect(page.get_by_text("You are signed in as Stan Staff.")).to_be_visible()
    page.reload()
    expect(page.get_by_text("You are signed in as Stan Staff.")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("Nobody is signed in.")).to_be_visible()


def test_it_says_when_the_service_does_not_answer_and_recovers_by_itself(
    checked_page: Page, stack: Stack, door: FrontDoor
) -> None:
    page = checked_page
    page.clock.install()
    page.goto(f"{door.url}/")
    expect(page.get_by_text("Bookings get all the way through.")).to_be_visible()
    page.route("**/readyz", lambda route: route.abort())
    page.clock.fast_forward(6000)
    expect(page.get_by_text("The service does not answer right now.")).to_be_visible()
    page.unroute("**/readyz")
    page.clock.fast_forward(6000)
    expect(page.get_by_text("Bookings get all the way through.")).to_be_visible()
