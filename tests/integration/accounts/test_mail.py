"""Mail over SMTP, to a mail server that is a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.mail import UNVERIFIED, ConsoleMailer, Mail, SmtpMailer, UnprotectedError, mailer
from ops.embedded.child import Program
from ops.embedded.environment import ROOT
from ops.ports import accepts, free_ports
from tests.support.processes.servers import Server, settings_for
from tests.support.processes.store_proxies import certificate
from tests.support.wait import wait_until

SETTINGS = settings_for("postgresql://localhost/none", "redis://localhost:1/0")


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[tuple[Server, int]]:
    port = free_ports(1)[0]
    command = [sys.executable, "-u", "-m", "aiosmtpd", "-n", "-l", f"0.0.0.0:{port}", *options]
    server = Server(
        Program("mail", command, {"PATH": os.environ["PATH"]}, ROOT, folder / "mail.log"), lambda: accepts(port)
    )
    server.start()
    yield server, port
    server.close()


@pytest.fixture
def mail_server(tmp_path: Path) -> Iterator[tuple[Server, int]]:
    with serving(tmp_path) as server:
        yield server


def test_a_mail_arrives_as_it_was_written(mail_server: tuple[Server, int]) -> None:
    server, port = mail_server
    SmtpMailer(f"smtp://127.0.0.1:{port}", "Holdfast <us@example.com>").send(Mail("you@example.com", "Hello", "Grüße"))
    wait_until(lambda: "Subject: Hello" in server.log, "the mail arrived")
    assert "From: Holdfast <us@example.com>" in server.log
    assert "To: you@example.com" in server.log


def test_an_address_cannot_bring_headers_along(mail_server: tuple[Server, int]) -> None:
    _, port = mail_server
    with pytest.raises(ValueError, match="linefeed"):
        SmtpMailer(f"smtp://127.0.0.1:{port}", "us@example.com").send(Mail("you@example.com\nBcc: all@x.org", "", ""))


def test_a_mail_server_that_is_away_is_an_outage() -> None:
    with pytest.raises(OSError, match="refused"):
        SmtpMailer(f"smtp://127.0.0.1:{free_ports(1)[0]}", "us@example.com").send(Mail("you@example.com", "", ""))


@pytest.mark.parametrize(("scheme", "option"), [("smtp", "tls"), ("smtps", "smtps")])
def test_the_mail_servers_certificate_is_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, option: str
) -> None:
    made = certificate(tmp_path)
    options = (f"--{option}cert", str(made.file), f"--{option}key", str(made.key))
    with serving(tmp_path, *options) as (server, port):
        address = f"{scheme}://localhost:{port}"
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            send(address, "unknown")
        send(f"{address}?{UNVERIFIED}", "unchecked")
        monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
        send(address, "verified")
        wait_until(lambda: "Subject: verified" in server.log, "the mail arrived")
        assert "Subject: unchecked" in server.log
        assert "Subject: unknown" not in server.log


def test_a_password_goes_to_another_host_by_tls_alone(mail_server: tuple[Server, int]) -> None:
    _, port = mail_server
    with pytest.raises(UnprotectedError):
        send(f"smtp://us:secret@127.0.0.2:{port}", "Hello")


def send(url: str, subject: str) -> None:
    SmtpMailer(url, "us@example.com").send(Mail("you@example.com", subject, "Hello"))


def test_mails_go_to_the_console_in_the_demo_only() -> None:
    assert isinstance(mailer(SETTINGS), ConsoleMailer)
    assert mailer(replace(SETTINGS, demo=False)) is None
    assert isinstance(mailer(replace(SETTINGS, smtp_url="smtp://localhost:25")), SmtpMailer)
