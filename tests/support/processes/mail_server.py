"""A mail server as a process of its own, and the mails that it took."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

from ops.embedded.child import Program
from ops.embedded.environment import ROOT
from ops.ports import accepts, free_ports
from tests.support.processes.imap_server import PASSWORD, USER
from tests.support.processes.servers import Server

LISTENS = """
import sys
from threading import Event
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import AuthResult

port, mailbox, user, password = sys.argv[1:]

def sign_in(server, session, envelope, mechanism, sent):
    return AuthResult(success=(sent.login, sent.password) == (user.encode(), password.encode()))

Controller(Mailbox(mailbox), "127.0.0.1", int(port), authenticator=sign_in, auth_require_tls=False).start()
Event().wait()
"""
"""Takes mails from everybody, and a login where one is tried; from the command line aiosmtpd takes none."""


class MailServer:
    def __init__(self, port: int, mailbox: Path) -> None:
        self.url = f"smtp://127.0.0.1:{port}"
        self.url_with_login = f"smtp://{quote(USER)}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}"
        self._mailbox = mailbox

    def taken(self, address: str) -> list[EmailMessage]:
        """All mails to an address, in the order in which they came."""
        paths = sorted((self._mailbox / "new").glob("*"), key=lambda path: path.stat().st_mtime_ns)
        mails = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in paths]
        return [mail for mail in mails if isinstance(mail, EmailMessage) and str(mail["To"]) == address]


@contextmanager
def mail_server(folder: Path) -> Iterator[MailServer]:
    port, mailbox = free_ports(1)[0], folder / "mailbox"
    command = [sys.executable, "-c", LISTENS, str(port), str(mailbox), USER, PASSWORD]
    program = Program("mail", command, {"PATH": os.environ["PATH"]}, ROOT, folder / "mail.log")
    server = Server(program, lambda: accepts(port))
    try:
        server.start()
        yield MailServer(port, mailbox)
    finally:
        server.close()
