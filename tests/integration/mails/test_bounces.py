"""Addresses that bounced: refused at once or by a report that comes back, seen by staff, and working again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import quote

import pytest

from core.doctor.bounces import examine_bounces
from core.doctor.findings import Severity
from core.mails.bounce_mailbox import Mailbox as BounceMailbox
from core.mails.bounce_reader import BounceReader
from core.store.connections.database import Connection
from core.store.mails.addresses import note_bounce
from core.store.mails.bounces import lease_look, note_read
from tests.support.clients.callers import ADMIN, STAFF, access_for, bearer, execute
from tests.support.clients.http_client import Client
from tests.support.clients.market_bookings import BOOKINGS, made, wish
from tests.support.clients.marketplace import Market, Person
from tests.support.deliveries.bounce_reports import report
from tests.support.mail_sending import MailSending, mail_sending
from tests.support.mailbox import Mailbox
from tests.support.processes.imap_server import PASSWORD, USER, ImapServer, imap_server
from tests.support.processes.mail_server import MailServer, mail_server
from tests.support.processes.stack import Stack
from tests.support.wait import READY_WITHIN_S

BOUNCED = "/api/admin/bounced-addresses/"
SENDER = f"smtp://{quote(USER)}:{quote(PASSWORD, safe='')}@127.0.0.1:1"
"""Nothing is sent by it here: the mailbox is opened as its user."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    with mail_server(tmp_path_factory.mktemp("mail")) as one:
        yield one


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapServer]:
    with imap_server(tmp_path_factory.mktemp("imap")) as one:
        yield one


@pytest.fixture
def sending(stack: Stack, server: MailServer) -> Iterator[MailSending]:
    with mail_sending(stack, server.url) as one:
        yield one


@pytest.fixture
def person(market: Market) -> Person:
    return market.person()


def book(market: Market, person: Person) -> int:
    practitioner = market.practitioner()
    return int(made(person.client.post(BOOKINGS, json=wish(market.service(practitioner), practitioner, 9)))["id"])


def bounced(desk: Client, person: Person) -> list[str]:
    """What staff read of this person: the answers of their address."""
    found = desk.get(BOUNCED, params={"limit": 100}).json()["addresses"]
    return [one["answer"] for one in found if one["user_id"] == person.user_id]


def test_staff_see_an_address_that_bounced_and_say_that_it_works_again(
    stack: Stack, market: Market, sending: MailSending, server: MailServer, desk: Client, person: Person
) -> None:
    mailbox = Mailbox(stack, server, person.user_id)
    assert desk.delete(f"{BOUNCED}{person.user_id}/").json()["code"] == "address_not_bounced"
    note_bounce(sending.connection, mailbox.address.upper(), person.user_id, "550")
    (listed,) = [one for one in desk.get(BOUNCED).json()["addresses"] if one["user_id"] == person.user_id]
    assert (listed["address"], listed["answer"]) == (mailbox.address, "550")
    assert listed["silent_until"] > listed["bounced_at"]

    book(market, person)
    said = {delivery.data["role"]: answer.words for delivery, answer in sending.run(least=2)}
    assert said["client"] == "the mail server refused the address lately"

    works = desk.delete(f"{BOUNCED}{person.user_id}/")
    assert (works.status_code, works.json()["data"]["address"]) == (200, mailbox.address)
    assert bounced(desk, person) == []
    book(market, person)
    sending.run(least=2)
    assert len(server.taken(mailbox.address)) == 1


def test_an_address_that_somebody_had_before_and_people_unknown_are_not_listed(
    stack: Stack, sending: MailSending, desk: Client, person: Person
) -> None:
    note_bounce(sending.connection, "an-earlier-one@example.com", person.user_id, "550")
    assert bounced(desk, person) == []
    assert desk.delete(f"{BOUNCED}999999999/").status_code == 404
    refused = desk.delete(f"{BOUNCED}{ADMIN}/", headers=bearer(access_for(stack, STAFF)))
    assert refused.status_code == 403


@contextmanager
def _lent(connection: Connection) -> Iterator[Connection]:
    yield connection


def read(stack: Stack, connection: Connection, inbox: ImapServer) -> int:
    """What the worker does every few minutes."""
    mailbox = BounceMailbox(inbox.url, SENDER)
    place = lease_look(connection, inbox.url, 0.0)
    assert place is not None
    reader = BounceReader(inbox.url, mailbox, (stack.settings.secret_key,))
    return reader.read(lambda: _lent(connection), place)


def test_a_mail_that_comes_back_later_is_noted_by_its_address_and_nobody_elses(
    stack: Stack,
    market: Market,
    sending: MailSending,
    server: MailServer,
    inbox: ImapServer,
    desk: Client,
    person: Person,
) -> None:
    inbox.put(b"Subject: an old one\n\nfrom before it was read\n")
    assert read(stack, sending.connection, inbox) == 0
    booking = book(market, person)
    sending.run(least=2)
    mailbox = Mailbox(stack, server, person.user_id)
    sent = str(mailbox.newest()["Message-ID"])

    other = market.person()
    forged = sent.replace(sent.split(".")[1].split("@", maxsplit=1)[0], "A" * 22)
    for one in (b"Subject: a question\n\nWhen?\n", report(forged), report(sent, action="delayed", status="4.4.1")):
        inbox.put(one)
    assert (read(stack, sending.connection, inbox), bounced(desk, person)) == (0, [])
    inbox.put(report(sent, address="other@example.com"))
    assert read(stack, sending.connection, inbox) == 1
    assert (bounced(desk, person), bounced(desk, other)) == (["5.1.1"], [])
    listed = desk.get("/api/admin/mails/", params={"booking_id": booking}).json()["mails"]
    assert {one["answer"] for one in listed if one["role"] == "client"} == {"it came back: 5.1.1"}

    assert desk.delete(f"{BOUNCED}{person.user_id}/").status_code == 200
    assert (read(stack, sending.connection, inbox), bounced(desk, person)) == (0, [])  # no mail is read twice


def test_a_mailbox_that_cannot_be_read_is_said_and_read_on_from_where_it_was(
    stack: Stack, sending: MailSending, inbox: ImapServer
) -> None:
    read(stack, sending.connection, inbox)
    before = execute(stack, "SELECT uid_validity, last_uid FROM bounce_mailbox WHERE mailbox = %s", inbox.url)
    place = lease_look(sending.connection, inbox.url, 0.0)
    assert place is not None
    gone = BounceReader(inbox.url, BounceMailbox("imap://127.0.0.1:1", SENDER), ("",))
    assert gone.read(lambda: _lent(sending.connection), place) == 0
    kept = execute(stack, "SELECT uid_validity, last_uid, problem FROM bounce_mailbox WHERE mailbox = %s", inbox.url)
    assert kept == [(*before[0], "the mailbox cannot be read: ConnectionRefusedError")]
    assert lease_look(sending.connection, inbox.url, 60.0) is None  # nobody else looks meanwhile
    note_read(sending.connection, inbox.url, place)


@pytest.mark.parametrize(
    ("mailbox", "password", "reason"),
    [
        ("", PASSWORD, None),
        ("", "another", "refuses the user or its password"),
        ("s", PASSWORD, "has no such folder"),
        ("imap://127.0.0.1:1", PASSWORD, "does not listen"),
        ("imap://nobody.invalid", PASSWORD, "has an unknown host name"),
    ],
)
def test_the_doctor_warns_of_a_mailbox_that_cannot_be_read(
    stack: Stack, inbox: ImapServer, mailbox: str, password: str, reason: str | None
) -> None:
    url = mailbox if mailbox.startswith("imap") else inbox.url + mailbox
    sender = f"smtp://{quote(USER)}:{quote(password, safe='')}@127.0.0.1:1"
    found = examine_bounces(replace(stack.settings, bounce_mailbox=url, smtp_url=sender), READY_WITHIN_S)
    assert ("bounce-mailbox" in found.passed) == (reason is None)
    assert all(one.severity is Severity.WARNING and f"their mailbox {reason}: " in one.text for one in found.findings)
    assert password not in "".join(one.text for one in found.findings)
