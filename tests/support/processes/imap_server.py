"""A mailbox as a process of its own: what is put into it, a program reads by IMAP."""

from __future__ import annotations

import imaplib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.embedded.child import Program
from ops.embedded.environment import ROOT
from ops.ports import accepts, free_ports
from tests.support.processes.servers import Server

USER, PASSWORD = "desk@example.com", 'not a secret \\ " of anybody'


class ImapServer:
    def __init__(self, port: int) -> None:
        self._port = port
        self.url = f"imap://127.0.0.1:{port}/INBOX"

    def put(self, mail: bytes) -> None:
        """As a mail server does that delivers it."""
        client = imaplib.IMAP4("127.0.0.1", self._port, timeout=30.0)
        with client:
            client.login(f'"{USER}"', PASSWORD)
            told, _ = client.append("INBOX", "", "", mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
            assert told == "OK"


@contextmanager
def imap_server(folder: Path) -> Iterator[ImapServer]:
    port = free_ports(1)[0]
    account = ["dict", "--demo-user", USER, "--demo-password", PASSWORD]
    command = [sys.executable, "-c", "from pymap.main import main; main()", "--host", "127.0.0.1", "--port", str(port)]
    program = Program("imap", [*command, *account], {"PATH": os.environ["PATH"]}, ROOT, folder / "imap.log")
    server = Server(program, lambda: accepts(port))
    try:
        server.start()
        yield ImapServer(port)
    finally:
        server.close()
