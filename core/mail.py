"""Mail: a port with two adapters, SMTP and the demo's console."""

from __future__ import annotations

import smtplib
import ssl
import sys
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from msgspec import Struct

from core.settings import Settings

SMTP_TIMEOUT_S = 10.0
SMTP_PORT = 587
SMTPS_PORT = 465
UNVERIFIED = "tls=unverified"
"""The query of an address whose server may show any certificate."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Mail(Struct, frozen=True):
    to: str
    subject: str
    text: str


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
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, mail.to, mail.subject
        message.set_content(mail.text)
        with signed_in(self._url, SMTP_TIMEOUT_S) as connection:
            connection.send_message(message)


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
