"""Reminders and holds about to end, by the clock: planned once, true when they come, and switched off by one click."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import httpx
import pytest

from tests.support.clients.callers import execute
from tests.support.clients.market_bookings import BOOKINGS, at, made, wish
from tests.support.clients.marketplace import Market, Person
from tests.support.mail_sending import MailSending, mail_sending
from tests.support.processes.mail_server import MailServer, mail_server
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until


@pytest.fixture(scope="module")
def market(stack: Stack) -> Iterator[Market]:
    opened = Market(stack)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    with mail_server(tmp_path_factory.mktemp("mail")) as one:
        yield one


@pytest.fixture
def sending(stack: Stack, server: MailServer) -> Iterator[MailSending]:
    with mail_sending(stack, server.url, reminders_s=(86_400,)) as one:
        yield one


def booked(market: Market, person: Person, hour: int = 9, **changes: Any) -> int:
    practitioner = market.practitioner()
    service = market.service(practitioner, **changes)
    return int(made(person.client.post(BOOKINGS, json=wish(service, practitioner, hour)))["id"])


def ahead(sending: MailSending, stack: Stack, booking: int, least: int) -> list[tuple[str, str]]:
    """(type, start) of what comes due by the clock."""
    sql = "SELECT type, coalesce(data ->> 'starts_at', '') FROM delivery_ahead WHERE booking_id = %s ORDER BY due_at"
    wait_until(lambda: sending.planned(booking) >= 0 and len(execute(stack, sql, booking)) >= least, "it is planned")
    return [(row[0], row[1]) for row in execute(stack, sql, booking)]


def let_come_due(stack: Stack, booking: int) -> None:
    execute(stack, "UPDATE delivery_ahead SET due_at = now() WHERE booking_id = %s RETURNING 1", booking)


def reminders(stack: Stack, booking: int) -> list[tuple[str, str]]:
    """(state, answer) of each that came due, in their order."""
    sql = """SELECT state, coalesce(answer, '') FROM delivery
             WHERE booking_id = %s AND type IN ('reminder', 'hold_ends') ORDER BY seq"""
    return [(row[0], row[1]) for row in execute(stack, sql, booking)]


def newest(stack: Stack, server: MailServer, person: Person) -> EmailMessage:
    ((address,),) = execute(stack, "SELECT email FROM user_account WHERE id = %s", person.user_id)
    return server.taken(address)[-1]


def test_a_reminder_follows_the_booking_to_its_new_time_and_comes_once(
    stack: Stack, market: Market, server: MailServer, sending: MailSending
) -> None:
    person = market.person()
    booking = booked(market, person)
    assert len(ahead(sending, stack, booking, 1)) == 1
    assert person.client.post(f"{BOOKINGS}{booking}/reschedule/", json=at(11)).status_code == 200
    planned = ahead(sending, stack, booking, 2)
    assert [kind for kind, _ in planned] == ["reminder", "reminder"]
    sending.deliver()
    let_come_due(stack, booking)
    sending.planned(booking)
    sending.planned(booking)
    sending.deliver()
    assert sorted(reminders(stack, booking)) == [
        ("dropped", "the booking was moved; the reminder follows its new time"),
        ("sent", "taken by the mail server"),
    ]
    mail = newest(stack, server, person)
    assert mail["Subject"].startswith("Your booking: ")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert [part.get_content_type() for part in mail.walk() if "calendar" in part.get_content_type()] == []


def test_one_click_switches_reminders_off_and_opening_the_link_does_not(
    stack: Stack, market: Market, server: MailServer, sending: MailSending
) -> None:
    person = market.person()
    first, second = booked(market, person), booked(market, person, 12)
    ahead(sending, stack, first, 1)
    ahead(sending, stack, second, 1)
    let_come_due(stack, first)
    sending.planned(first)
    sending.deliver()
    mail = newest(stack, server, person)
    link = mail["List-Unsubscribe"].strip("<>")
    text = mail.get_body(("plain",))
    assert text is not None
    assert link in text.get_content()
    with httpx.Client() as browser:
        page = browser.get(link)
        assert (page.status_code, "You get reminders" in page.text) == (200, True)
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert person.client.get("/api/user/settings/").json()["data"]["reminders"] is True
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        off = browser.post(link, content="List-Unsubscribe=One-Click", headers=form)
        assert (off.status_code, "You get no reminders" in off.text) == (200, True)
        assert person.client.get("/api/user/settings/").json()["data"]["reminders"] is False
        too_long = browser.post(link, content="x" * 2_000, headers=form)
        assert (too_long.status_code, too_long.json()["code"]) == (400, "body_too_large")
        let_come_due(stack, second)
        sending.planned(second)
        sending.deliver()
        assert reminders(stack, second) == [("dropped", "its reader wants no reminders")]
        assert browser.post(link, params={"reminders": "on"}).status_code == 200
    assert person.client.get("/api/user/settings/").json()["data"]["reminders"] is True
    token = link.rstrip("/").rsplit("/", 1)[-1]
    for log in stack.folder.glob("*.log"):
        assert token not in log.read_text(errors="replace"), log


def test_a_reminder_that_an_outage_kept_until_after_the_start_is_dropped(
    stack: Stack, market: Market, sending: MailSending
) -> None:
    person = market.person()
    booking = booked(market, person)
    ahead(sending, stack, booking, 1)
    sending.deliver()
    execute(
        stack,
        "UPDATE booking SET starts_at = now() - interval '1 minute', ends_at = now() + interval '1 hour' "
        "WHERE id = %s RETURNING 1",
        booking,
    )
    execute(
        stack,
        "UPDATE delivery_ahead a SET due_at = now(), data = data || jsonb_build_object('starts_at', b.starts_at) "
        "FROM booking b WHERE b.id = a.booking_id AND b.id = %s RETURNING 1",
        booking,
    )
    sending.planned(booking)
    sending.deliver()
    ((state, answer),) = reminders(stack, booking)
    assert state == "dropped"
    assert answer in {
        "it comes too late: the booking has begun",
        "the booking has gone on since; the next mail says so",
    }


def test_a_hold_about_to_end_is_told_unless_it_is_over(
    stack: Stack, market: Market, server: MailServer, sending: MailSending
) -> None:
    person = market.person()
    held, over = booked(market, person, price_cents=5_000), booked(market, person, 12, price_cents=5_000)
    assert [kind for kind, _ in ahead(sending, stack, held, 1)] == ["hold_ends"]
    ahead(sending, stack, over, 1)
    assert person.client.post(f"{BOOKINGS}{over}/cancel/").status_code == 200
    for booking in (held, over):
        let_come_due(stack, booking)
        sending.planned(booking)
    sending.deliver()
    assert [state for state, _ in reminders(stack, held)] == ["sent"]
    assert [state for state, _ in reminders(stack, over)] == ["dropped"]
    assert newest(stack, server, person)["Subject"].startswith("Your booking is held for a short time only: ")
