"""The real deliveries worker outside the demo, with a real mail server and mailbox: a guest's life by mail, and a bounce."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from ops.processes import DELIVERIES, PIPELINE
from tests.support.clients.callers import STAFF, execute
from tests.support.clients.market_bookings import BOOKINGS, made, wish
from tests.support.clients.marketplace import Market
from tests.support.deliveries.bounce_reports import report
from tests.support.mailbox import Mailbox, link_in
from tests.support.processes.imap_server import PASSWORD, ImapServer, imap_server
from tests.support.processes.mail_server import MailServer, mail_server
from tests.support.processes.servers import PostgresServer, ValkeyServer
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

SQL_STAFF = """
WITH taken AS (SELECT setval(pg_get_serial_sequence('user_account', 'id'), 5))
INSERT INTO user_account (id, username, username_key, email, email_key, is_staff)
SELECT %s, 'desk', 'desk', 'desk@example.com', 'desk@example.com', true FROM taken RETURNING id
"""
"""By the number that tests know; outside the demo none of its people may be there."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    with mail_server(tmp_path_factory.mktemp("mail")) as one:
        yield one


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapServer]:
    with imap_server(tmp_path_factory.mktemp("imap")) as one:
        yield one


@pytest.fixture(scope="module")
def stack(
    postgres: PostgresServer, server: MailServer, inbox: ImapServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("mailing")
    valkey = ValkeyServer(folder / "valkey")
    valkey.start()
    settings = {
        "HOLDFAST_DEMO": "0",
        "HOLDFAST_MAILS": "1",
        "HOLDFAST_SMTP_URL": server.url_with_login,
        "HOLDFAST_BOUNCE_MAILBOX": inbox.url,
    }
    running = Stack(
        folder,
        postgres.new_database(),
        valkey,
        processes=(*PIPELINE, DELIVERIES),
        environment=settings,
    )
    try:
        running.start()
        execute(running, SQL_STAFF, STAFF)
        begun = "SELECT count(*) FROM delivery_cursor WHERE sender = 'mails'"
        wait_until(lambda: execute(running, begun) == [(1,)], "mails begin")
        yield running
    finally:
        running.close()
        postgres.drop_database(running.database_url)


@pytest.fixture(scope="module")
def market(stack: Stack) -> Iterator[Market]:
    opened = Market(stack)
    yield opened
    opened.close()


def test_a_guests_whole_life_by_mail_alone(stack: Stack, market: Market, server: MailServer) -> None:
    practitioner, person = market.practitioner(), market.person()
    booking = made(person.client.post(BOOKINGS, json=wish(market.service(practitioner), practitioner, 9)))
    guest, theirs = Mailbox(stack, server, person.user_id), Mailbox(stack, server, practitioner.user_id)
    confirmed = guest.wait_for(1)
    assert confirmed["Subject"].startswith("Your booking is confirmed: ")
    assert theirs.wait_for(1)["Subject"].startswith("A booking with you is confirmed: ")
    assert (confirmed["Auto-Submitted"], confirmed["Content-Language"]) == ("auto-generated", "en")
    assert [part.get_filename() for part in confirmed.iter_attachments()] == ["invite.ics"]

    with httpx.Client() as browser:  # no login, no cookie
        link = link_in(confirmed)
        page = browser.get(link, follow_redirects=True)  # no front door, as for a browser without scripts
        assert page.status_code == 200
        assert "form-action 'self'" in page.headers["Content-Security-Policy"]
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert "<script" not in page.text
        token = link.rstrip("/").rsplit("/", 1)[-1]
        assert link == f"{stack.settings.public_url}/b/{token}/"
        plain = str(page.url)
        assert plain.endswith(f"/guest/{token}/")
        shown = browser.get(f"{stack.api_url}/api/guest/bookings/{token}/").json()
        assert (shown["id"], shown["status"]) == (booking["id"], "confirmed")
        assert (shown["may_move"], shown["may_cancel"]) == (True, True)

        asks = browser.get(f"{plain}move/", params={"start_date": shown["start_date"], "start_time": "11:00"})
        assert "Move this booking?" in asks.text
        moved = browser.post(f"{plain}move/", params={"start_date": shown["start_date"], "start_time": "11:00"})
        assert (moved.status_code, moved.headers["Location"]) == (303, f"/guest/{token}/")
        changed = guest.wait_for(2)
        assert changed["Subject"].startswith("Your booking has changed: ")
        assert theirs.wait_for(2)["Subject"].startswith("A booking with you has changed: ")
        assert link_in(changed) == link

        assert "Cancel this booking?" in browser.get(f"{plain}cancel/").text
        cancelled = browser.post(f"{plain}cancel/")
        assert cancelled.status_code == 303
        assert guest.wait_for(3)["Subject"].startswith("Your booking is cancelled: ")
        assert theirs.wait_for(3)["Subject"].startswith("A booking with you is cancelled: ")
        assert "cancelled" in browser.get(plain).text
        again = browser.post(f"{plain}cancel/")
        assert again.headers["Location"] == f"/guest/{token}/?problem=invalid_transition"
        assert 'role="alert"' in browser.get(f"{stack.api_url}{again.headers['Location']}").text

    for box in (guest, theirs):
        ((_, status, _),) = box.entries.values()
        assert status == "CANCELLED"
    ids = [str(mail["Message-ID"]) for mail in server.taken(guest.address)]
    assert len(set(ids)) == 3
    ((uuid,),) = execute(stack, "SELECT public_uuid::text FROM booking WHERE id = %s", booking["id"])
    assert set(guest.entries) == {uuid}


def test_the_worker_reads_by_itself_that_a_mail_came_back(
    stack: Stack, market: Market, server: MailServer, inbox: ImapServer
) -> None:
    begun = "SELECT count(*) FROM bounce_mailbox WHERE mailbox = %s AND uid_validity IS NOT NULL AND problem IS NULL"
    wait_until(lambda: execute(stack, begun, inbox.url) == [(1,)], "the mailbox was looked at")
    practitioner, person = market.practitioner(), market.person()
    made(person.client.post(BOOKINGS, json=wish(market.service(practitioner), practitioner, 10)))
    sent = Mailbox(stack, server, person.user_id).wait_for(1)
    inbox.put(report(str(sent["Message-ID"])))
    execute(stack, "UPDATE bounce_mailbox SET read_at = 'epoch' WHERE mailbox = %s", inbox.url)

    bounced = "SELECT bounce FROM mail_address WHERE user_id = %s AND bounced_at IS NOT NULL"
    wait_until(lambda: execute(stack, bounced, person.user_id) == [("5.1.1",)], "the address is known to bounce")
    assert not any(PASSWORD in server.log or quote(PASSWORD, safe="") in server.log for server in stack.servers)
