"""Mail: a port with two ends, SMTP and the demo's console."""

from __future__ import annotations

import smtplib
import sys
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from core.settings import Settings

SMTP_TIMEOUT_S = 10.0
SMTP_PORT = 587
SMTPS_PORT = 465


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


class SmtpMailer:
    """One connection a mail: resets are rare, and an idle connection is one more thing to lose."""

    def __init__(self, url: str, sender: str) -> None:
        self._url = urlsplit(url)
        self._sender = sender

    def send(self, mail: Mail) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, mail.to, mail.subject
        message.set_content(mail.text)
        with self._connect() as connection:
            if self._url.username:
                connection.login(unquote(self._url.username), unquote(self._url.password or ""))
            connection.send_message(message)

    def _connect(self) -> smtplib.SMTP:
        host = self._url.hostname or ""
        if self._url.scheme == "smtps":
            return smtplib.SMTP_SSL(host, self._url.port or SMTPS_PORT, timeout=SMTP_TIMEOUT_S)
        connection = smtplib.SMTP(host, self._url.port or SMTP_PORT, timeout=SMTP_TIMEOUT_S)
        connection.ehlo()
        if connection.has_extn("starttls"):
            connection.starttls()
        return connection


def mailer(settings: Settings) -> Mailer | None:
    """SMTP where configured, the console in the demo, else None: nothing can be delivered."""
    if settings.smtp_url is not None:
        return SmtpMailer(settings.smtp_url, settings.mail_from)
    return ConsoleMailer() if settings.demo else None
