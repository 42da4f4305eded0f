"""Mail: a port with two adapters, SMTP and the demo's console."""

from __future__ import annotations

import smtplib
import ssl
import sys
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from msgspec import Struct

from core.mail_headers import POLICY
from core.settings import Settings

SMTP_TIMEOUT_S = 10.0
SMTP_PORT = 587
SMTPS_PORT = 465
UNVERIFIED = "tls=unverified"
"""The query of an address whose server may show any certificate."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class CalendarPart(Struct, frozen=True):
    """A calendar file that a mail brings along: as a part that calendars act on (iTIP, RFC 6047), and as a file."""

    method: str
    """As in the file: `REQUEST` or `CANCEL`."""
    content: bytes
    file_name: str


class Mail(Struct, frozen=True):
    to: str
    subject: str
    text: str
    html: str = ""
    """The same for programs that show it; "": there is the text alone."""
    calendar: CalendarPart | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """Beside sender, recipient and subject."""


class Mailer(Protocol):
    """Delivers one mail, or raises `OSError` (`smtplib.SMTPException` is one). Blocks; safe in any thread."""

    def send(self, mail: Mail) -> None: ...


class ConsoleMailer:
    """Shows mails where the demo was started: there is nobody else to read them."""

    def send(self, mail: Mail) -> None:
        sys.stderr.write(f"\n--- mail to {mail.to}: {mail.subject}\n{mail.text}\n---\n")
        sys.stderr.flush()


class UnprotectedError(OSError):
    """The mail server offers no TLS, and the password would cross the network in plain text."""


class SmtpMailer:
    """One connection a mail: resets are rare, and an idle connection is one more thing to lose."""

    def __init__(self, url: str, sender: str) -> None:
        self._url = urlsplit(url)
        self._sender = sender

    def send(self, mail: Mail) -> None:
        message = message_of(mail, self._sender)
        with signed_in(self._url, SMTP_TIMEOUT_S) as connection:
            connection.send_message(message)


def message_of(mail: Mail, sender: str) -> EmailMessage:
    """A mail as it is sent. Raises ValueError for an address or a subject with the end of a line in it."""
    message = EmailMessage(policy=POLICY)
    message["From"], message["To"], message["Subject"] = sender, mail.to, mail.subject
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    if mail.calendar is not None:
        _bring_calendar(message, mail.calendar)
    for name, value in mail.headers:  # last: what says something of content would move into the first part
        message[name] = value
    return message


def _bring_calendar(message: EmailMessage, part: CalendarPart) -> None:
    """The last alternative, which calendars read without being asked, and a file for everything else."""
    parameters = {"method": part.method, "component": "VEVENT"}
    message.add_alternative(part.content.decode(), subtype="calendar", params=parameters)
    message.add_attachment(part.content, maintype="application", subtype="ics", filename=part.file_name)


def address_of(sender: str) -> Address:
    """Of `Name <address>`, as HOLDFAST_MAIL_FROM has it."""
    name, spec = parseaddr(sender)
    return Address(display_name=name, addr_spec=spec or "no-reply@localhost")


def signed_in(url: SplitResult, timeout_s: float) -> smtplib.SMTP:
    """A session with the mail server. Its certificate is verified where TLS is spoken, unless the address says not to.

    Raises `OSError`; `ssl.SSLCertVerificationError` and `UnprotectedError` are among them.
    """
    connection = _connected(url, timeout_s)
    try:
        if url.username:
            if not is_encrypted(connection) and url.hostname not in LOOPBACK:
                raise UnprotectedError("the mail server offers no TLS, so the password was not sent")
            connection.login(unquote(url.username), unquote(url.password or ""))
    except OSError:
        connection.close()
        raise
    return connection


def is_encrypted(connection: smtplib.SMTP) -> bool:
    return isinstance(connection.sock, ssl.SSLSocket)


def _connected(url: SplitResult, timeout_s: float) -> smtplib.SMTP:
    host, context = url.hostname or "", ssl.create_default_context()
    if url.query == UNVERIFIED:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if url.scheme == "smtps":
        return smtplib.SMTP_SSL(host, url.port or SMTPS_PORT, timeout=timeout_s, context=context)
    connection = smtplib.SMTP(host, url.port or SMTP_PORT, timeout=timeout_s)
    try:
        connection.ehlo()
        if connection.has_extn("starttls"):
            connection.starttls(context=context)
            connection.ehlo()
    except OSError:
        connection.close()
        raise
    return connection


def mailer(settings: Settings) -> Mailer | None:
    """SMTP where configured, the console in the demo, else None: nothing can be delivered."""
    if settings.smtp_url is not None:
        return SmtpMailer(settings.smtp_url, settings.mail_from)
    return ConsoleMailer() if settings.demo else None
