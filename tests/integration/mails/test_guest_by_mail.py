"""What mails say and what their links let a guest do, with a real mail server; the tests send them one by one."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from icalendar import Calendar

from tests.support.clients.callers import execute
from tests.support.clients.http_client import Client
from tests.support.clients.market_bookings import BOOKINGS, made, wish
from tests.support.clients.marketplace import Market
from tests.support.mail_sending import MailSending, mail_sending
from tests.support.mailbox import Mailbox, link_in
from tests.support.processes.mail_server import MailServer, mail_server
from tests.support.processes.stack import Stack


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
    with mail_sending(stack, server.url) as one:
        yield one


def test_the_same_by_json_and_nobody_sees_the_token_in_a_log(
    stack: Stack, market: Market, server: MailServer, sending: MailSending, client: Client, staff: Client
) -> None:
    practitioner, person = market.practitioner(), market.person()
    booking = made(person.client.post(BOOKINGS, json=wish(market.service(practitioner), practitioner, 9)))
    sending.run(least=2)
    link = link_in(Mailbox(stack, server, person.user_id).newest())
    token = link.rstrip("/").rsplit("/", 1)[-1]
    base = f"/api/guest/bookings/{token}/"

    shown = client.get(base).json()
    file = client.get(f"{base}booking.ics")
    assert file.headers["Content-Type"].startswith("text/calendar")
    assert [str(event["STATUS"]) for event in Calendar.from_ical(file.text).walk("VEVENT")] == ["CONFIRMED"]

    assert client.post(f"{base}move/", json={"start_date": shown["start_date"], "start_time": "03:00"}).status_code in {
        400,
        409,
    }
    moved = client.post(f"{base}move/", json={"start_date": shown["start_date"], "start_time": "14:00"})
    assert (moved.status_code, moved.json()["start_time"]) == (200, "14:00")
    later = client.post(f"{base}cancel/", json={"reason": "ill"}, headers={"Prefer": "respond-async"})
    assert (later.status_code, later.headers["Location"]) == (202, base)
    sending.run(least=4)
    assert client.get(base).json()["status"] == "cancelled"
    twice = client.post(f"{base}cancel/")
    assert (twice.status_code, twice.json()["code"]) == (409, "invalid_transition")

    listed = staff.get("/api/admin/mails/", params={"booking_id": booking["id"]}).json()
    assert listed["total_count"] == 6
    assert {mail["recipient"] for mail in listed["mails"]} >= {Mailbox(stack, server, person.user_id).address}
    assert token not in str(listed)

    for name in ("t" * 43, "x", token[:-1]):
        gone = client.get(f"/api/guest/bookings/{name}/")
        assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
    execute(
        stack,
        "UPDATE user_account SET email = %s, email_key = %s WHERE id = %s RETURNING id",
        *[f"n{token[:9].lower()}@example.com"] * 2,
        person.user_id,
    )
    assert client.get(base).status_code == 404
    for log in stack.folder.glob("*.log"):
        assert token not in log.read_text(errors="replace"), log


def test_what_waits_when_mails_are_off_is_kept_by_nobody_outside_the_demo(stack: Stack, market: Market) -> None:
    practitioner, person = market.practitioner(), market.person()
    with mail_sending(stack, None, demo=False) as sending:
        made(person.client.post(BOOKINGS, json=wish(market.service(practitioner), practitioner, 9)))
        assert {answer.words for _, answer in sending.run(least=2)} == {"mails are off, and no mail server is set up"}


def test_mails_and_pages_are_in_the_language_that_their_person_chose(
    stack: Stack, market: Market, server: MailServer, sending: MailSending
) -> None:
    practitioner, person, other = market.practitioner(), market.person(), market.person()
    chosen = practitioner.client.patch("/api/user/settings/", json={"language": "ar"})
    assert (chosen.status_code, chosen.json()["data"]["language"]) == (200, "ar")
    assert person.client.patch("/api/user/settings/", json={"language": "de"}).status_code == 200
    service = market.service(practitioner)
    made(person.client.post(BOOKINGS, json=wish(service, practitioner, 9)))
    made(other.client.post(BOOKINGS, json=wish(service, practitioner, 10)))
    sending.run(least=4)
    confirmed = Mailbox(stack, server, person.user_id).newest()
    assert confirmed["Subject"].startswith("Ihre Buchung ist bestätigt: ")
    assert confirmed["Content-Language"] == "de"
    theirs = Mailbox(stack, server, practitioner.user_id).newest()
    assert theirs["Content-Language"] == "ar"
    english = Mailbox(stack, server, other.user_id).newest()
    assert english["Subject"].startswith("Your booking is confirmed: ")

    with httpx.Client(headers={"Accept-Language": "ar"}, follow_redirects=True) as browser:
        page = browser.get(link_in(confirmed))
        assert (page.headers["Content-Language"], "Ihre Buchung" in page.text) == ("de", True)
        page = browser.get(link_in(english))
        assert (page.headers["Content-Language"], 'dir="rtl"' in page.text) == ("ar", True)
