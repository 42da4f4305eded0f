"""Plans and sends mails in the test's process, from a running stack's feed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from core.deliveries.planner import plan
from core.identity.credentials.guest_tokens import booking_token
from core.identity.principals import hash_token
from core.mail import Mailer, SmtpMailer
from core.mails.sender import Mails
from core.store.connections.database import Connection, connect_lane
from core.store.deliveries.cursors import start_sender, stop_sender
from core.store.deliveries.leases import Run
from core.store.deliveries.values import Answer, Delivery
from core.store.mails.facts import read_facts
from core.store.mails.guest_links import make_link
from tests.support.deliveries.by_hand import report_one, take_one_by_one
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

MOST = 100


class MailSending:
    def __init__(self, stack: Stack, connection: Connection, smtp_url: str | None, **settings: Any) -> None:
        mailer: Mailer | None = SmtpMailer(smtp_url, stack.settings.mail_from) if smtp_url else None
        self.connection = connection
        self.sender = Mails(replace(stack.settings, mails=True, **settings), mailer)
        self._planned = 0

    def run(self, least: int = 1) -> list[tuple[Delivery, Answer]]:
        """Wait until so many are planned, then try each once."""
        self._planned = 0
        wait_until(lambda: self._plan() >= least, "the mails are planned")
        return self.deliver()

    def deliver(self) -> list[tuple[Delivery, Answer]]:
        found = []
        while due := take_one_by_one(self.connection, self.sender.name, MOST, MOST):
            found += [(run.deliveries[0], self._try(run)) for run in due]
        return found

    def planned(self, booking_id: int) -> int:
        """How many mails about a booking are planned by now."""
        self._plan()
        sql = "SELECT count(*) FROM delivery WHERE sender = %s AND booking_id = %s"
        row = self.connection.execute(sql, (self.sender.name, booking_id)).fetchone()
        return int(row[0]) if row else 0

    def _plan(self) -> int:
        self._planned += plan(self.connection, [self.sender]).deliveries
        return self._planned

    def _try(self, run: Run) -> Answer:
        answer = self.sender.send(self._lend, run.deliveries[0])
        report_one(self.connection, run, answer)
        return answer

    @contextmanager
    def _lend(self) -> Iterator[Connection]:
        yield self.connection


def guest_link(stack: Stack, booking_id: int, token: str | None = None) -> str:
    """A link's token: the given one, or as the mail about the booking has it."""
    with connect_lane(stack.database_url, "holdfast tests") as connection:
        facts = read_facts(connection, booking_id)
        assert facts is not None
        token = token or booking_token(stack.settings.secret_key, facts.booking.public_uuid, facts.client.email)
        make_link(connection, hash_token(token), facts.booking, facts.client.email)
    return token


@contextmanager
def mail_sending(stack: Stack, smtp_url: str | None, **settings: Any) -> Iterator[MailSending]:
    """From what is decided from now on."""
    with connect_lane(stack.database_url, "holdfast tests") as connection:
        sending = MailSending(stack, connection, smtp_url, **settings)
        start_sender(connection, sending.sender.name)
        try:
            yield sending
        finally:
            stop_sender(connection, sending.sender.name)
