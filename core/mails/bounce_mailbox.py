"""The mailbox that undeliverable mails come back to, read by IMAP (RFC 3501): nothing in it is changed or deleted."""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

from core.mail import LOOPBACK, UnprotectedError
from core.store.mails.bounces import Place

TIMEOUT_S = 10.0
"""For each answer."""
MAILS_MOST = 100
"""Looked at at once, the oldest first; the rest at the next look."""
MAIL_BYTES_MAX = 256 * 1024
"""Of a mail that are read: a report and the headers that it returns come first."""
FOLDER = "INBOX"
IMAP_PORT, IMAPS_PORT = 143, 993
_UID = re.compile(rb"UID (\d{1,10})\b")


class MailboxError(Exception):
    """The mailbox could not be read; the message says why, without its secrets."""


class SignInRefusedError(imaplib.IMAP4.error):
    """The mailbox refuses the user or its password."""


class NoFolderError(imaplib.IMAP4.error):
    """The mailbox has no such folder."""


class Mailbox:
    """`imaps://host/FOLDER`, or `imap://` with STARTTLS, as the user who sends the mails."""

    def __init__(self, url: str, smtp_url: str, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._url, sender = urlsplit(url), urlsplit(smtp_url)
        self._user, self._password = unquote(sender.username or ""), unquote(sender.password or "")
        self._folder = unquote(self._url.path.strip("/")) or FOLDER

    def news(self, place: Place) -> tuple[list[bytes], Place]:
        """(mails that are new, how far it is read with them). At the first look what the mailbox has is left alone.

        Raises `MailboxError`.
        """
        try:
            with self._open() as connection:
                return _news(connection, place)
        except (OSError, imaplib.IMAP4.error) as problem:
            raise MailboxError(f"the mailbox cannot be read: {type(problem).__name__}") from problem

    def look(self) -> None:
        """Sign in and open the folder, as before reading. Raises OSError or `imaplib.IMAP4.error`."""
        with self._open():
            pass

    @contextmanager
    def _open(self) -> Iterator[imaplib.IMAP4]:
        connection = self._connect()
        try:
            self._sign_in(connection)
            connection.select(f'"{self._folder}"', readonly=True)
            if connection.state != "SELECTED":
                raise NoFolderError
            yield connection
        finally:
            connection.shutdown()

    def _sign_in(self, connection: imaplib.IMAP4) -> None:
        try:
            connection.login(_quoted(self._user), self._password)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as problem:
            raise SignInRefusedError from problem

    def _connect(self) -> imaplib.IMAP4:
        host, context = self._url.hostname or "", ssl.create_default_context()
        if self._url.scheme == "imaps":
            return imaplib.IMAP4_SSL(host, self._url.port or IMAPS_PORT, ssl_context=context, timeout=self._timeout_s)
        connection = imaplib.IMAP4(host, self._url.port or IMAP_PORT, timeout=self._timeout_s)
        try:
            if host in LOOPBACK:
                return connection
            if "STARTTLS" not in connection.capabilities:
                raise UnprotectedError("the mailbox offers no TLS, so the password was not sent")
            connection.starttls(ssl_context=context)
        except (OSError, imaplib.IMAP4.error):
            connection.shutdown()
            raise
        return connection


def _quoted(text: str) -> str:
    """As imaplib does for the password, but not for the user."""
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'


def _news(connection: imaplib.IMAP4, place: Place) -> tuple[list[bytes], Place]:
    validity = _number(connection, "UIDVALIDITY")
    if validity != place.uid_validity:  # seen for the first time, or its numbers began anew
        return [], Place(validity, max(0, _number(connection, "UIDNEXT") - 1))
    uids = _uids_after(connection, place.last_uid)[:MAILS_MOST]
    if not uids:
        return [], place
    wanted = ",".join(map(str, uids))
    _, found = connection.uid("FETCH", wanted, f"(UID BODY.PEEK[]<0.{MAIL_BYTES_MAX}>)")
    mails = [one[1] for one in found if isinstance(one, tuple) and _UID.search(one[0])]
    return mails, Place(validity, uids[-1])


def _uids_after(connection: imaplib.IMAP4, last: int) -> Sequence[int]:
    """`N:*` names the last mail too where it is older."""
    _, found = connection.uid("SEARCH", f"UID {last + 1}:*")
    return sorted(uid for part in found if part for uid in map(int, part.split()) if uid > last)


def _number(connection: imaplib.IMAP4, name: str) -> int:
    """What the server said of the folder when it was opened."""
    _, found = connection.response(name)
    if not found or found[0] is None:
        raise imaplib.IMAP4.error(f"the server does not say {name}")
    return int(found[0])
