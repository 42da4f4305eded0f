"""Mail over SMTP, to a mail server that is a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.mail import ConsoleMailer, Mail, SmtpMailer, mailer
from ops.embedded.child import Program
from ops.embedded.environment import ROOT
from ops.ports import accepts, free_ports
from tests.support.processes.servers import Server, settings_for
from tests.support.wait import wait_until

SETTINGS = settings_for("postgresql://localhost/none", "redis://localhost:1/0")


@pytest.fixture
def mail_server(tmp_path: Path) -> Iterator[tuple[Server, int]]:
    port = free_ports(1)[0]
    command = [sys.executable, "-u", "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{port}"]
    server = Server(
        Program("mail", command, {"PATH": os.environ["PATH"]}, ROOT, tmp_path / "mail.log"), lambda: accepts(port)
    )
    server.start()
    yield server, port
    server.close()


def test_a_mail_arrives_as_it_was_written(mail_server: tuple[Server, int]) -> None:
    server, port = mail_server
    SmtpMailer(f"smtp://127.0.0.1:{port}", "Holdfast <us@example.com>").send(Mail("you@example.com", "Hello", "Grüße"))
    wait_until(lambda: "Subject: Hello" in server.log, "the mail arrived", 10.0)
    assert "From: Holdfast <us@example.com>" in server.log
    assert "To: you@example.com" in server.log


def test_an_address_cannot_bring_headers_along(mail_server: tuple[Server, int]) -> None:
    _, port = mail_server
    with pytest.raises(ValueError, match="linefeed"):
        SmtpMailer(f"smtp://127.0.0.1:{port}", "us@example.com").send(Mail("you@example.com\nBcc: all@x.org", "", ""))


def test_a_mail_server_that_is_away_is_an_outage() -> None:
    with pytest.raises(OSError, match="refused"):
        SmtpMailer(f"smtp://127.0.0.1:{free_ports(1)[0]}", "us@example.com").send(Mail("you@example.com", "", ""))


def test_mails_go_to_the_console_in_the_demo_only() -> None:
    assert isinstance(mailer(SETTINGS), ConsoleMailer)
    assert mailer(replace(SETTINGS, demo=False)) is None
    assert isinstance(mailer(replace(SETTINGS, smtp_url="smtp://localhost:25")), SmtpMailer)
