"""A guest's mailbox, and a calendar that does what the mails in it say."""

from __future__ import annotations

import re
from email.message import EmailMessage
from typing import Any

from icalendar import Calendar

from tests.support.clients.callers import execute
from tests.support.processes.mail_server import MailServer
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until


class Mailbox:
    """Of one address: its newest mail, and a calendar that does what invitations say (RFC 5546)."""

    def __init__(self, stack: Stack, server: MailServer, user_id: int) -> None:
        ((self.address,),) = execute(stack, "SELECT email FROM user_account WHERE id = %s", user_id)
        self._server = server
        self.entries: dict[str, tuple[int, str, Any]] = {}
        """By UID: sequence, status, start."""

    def wait_for(self, number: int) -> EmailMessage:
        """The mail that is the `number`th to come, once it has; the newest by then."""
        wait_until(lambda: len(self._server.taken(self.address)) >= number, f"mail {number} comes")
        assert len(self._server.taken(self.address)) == number
        return self.newest()

    def newest(self) -> EmailMessage:
        mail = self._server.taken(self.address)[-1]
        for part in mail.walk():
            if part.get_content_type() == "text/calendar":
                self._apply(Calendar.from_ical(part.get_content()), str(part.get_param("method")))
        return mail

    def _apply(self, calendar: Any, method: str) -> None:
        assert calendar["METHOD"] == method
        assert calendar.walk("VTIMEZONE") or "Z" in calendar.walk("VEVENT")[0]["DTSTART"].to_ical().decode()
        (event,) = calendar.walk("VEVENT")
        uid, sequence = str(event["UID"]), int(event["SEQUENCE"])
        assert sequence > self.entries.get(uid, (-1,))[0]
        assert (method == "CANCEL") == (event["STATUS"] == "CANCELLED")
        assert str(event["ATTENDEE"]).lower() == f"mailto:{self.address}"
        self.entries[uid] = (sequence, str(event["STATUS"]), event.decoded("DTSTART"))
        self.organizer = str(event["ORGANIZER"])


def link_in(mail: EmailMessage) -> str:
    text = mail.get_body(("plain",))
    html = mail.get_body(("html",))
    assert text is not None
    assert html is not None
    (link,) = re.findall(r"http\S+/b/\S+", text.get_content())
    assert link in html.get_content()
    return str(link)
