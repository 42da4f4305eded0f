"""The mailbox that undeliverable mails come back to, asked by the user who sends: it only warns."""

from __future__ import annotations

import imaplib
import socket
import ssl

from core.doctor.findings import Check, Examination, Severity, found_by, not_asked
from core.mail import UnprotectedError
from core.mails.bounce_mailbox import Mailbox, NoFolderError, SignInRefusedError
from core.settings import Settings

SETTING = "HOLDFAST_BOUNCE_MAILBOX"
BOUNCES = Check[str](
    "bounce-mailbox",
    Severity.WARNING,
    "Mails that come back are not noted, as their mailbox {reason}",
    "{remedy}",
    lambda _: None,
)
CAUSES: tuple[tuple[type[Exception], str, str], ...] = (
    (SignInRefusedError, "refuses the user or its password", "correct them in HOLDFAST_SMTP_URL, which both are of"),
    (NoFolderError, "has no such folder", f"correct the folder at the end of {SETTING}"),
    (imaplib.IMAP4.error, "does not answer as a mailbox", f"correct {SETTING}"),
    (UnprotectedError, "offers no TLS, and a password is not sent without", f"begin {SETTING} with imaps://"),
    (socket.gaierror, "has an unknown host name", f"correct the host in {SETTING}"),
    (ConnectionRefusedError, "does not listen", f"correct the host and port in {SETTING}"),
    (ssl.SSLCertVerificationError, "has a certificate that is not trusted", "name its authority in SSL_CERT_FILE"),
    (ssl.SSLError, "speaks no TLS at that port", f"begin {SETTING} with imap://, or correct the port"),
    (OSError, "does not answer", "look for a firewall between"),
)
"""The first that fits."""


def examine_bounces(settings: Settings, within_s: float) -> Examination:
    """Sign in and open the folder; nothing is read."""
    if settings.bounce_mailbox is None or settings.smtp_url is None:
        return not_asked([BOUNCES], f"{SETTING} names no mailbox")
    try:
        Mailbox(settings.bounce_mailbox, settings.smtp_url, within_s).look()
    except (OSError, imaplib.IMAP4.error) as problem:
        _, reason, remedy = next(cause for cause in CAUSES if isinstance(problem, cause[0]))
        return Examination((found_by(BOUNCES, {"reason": reason, "remedy": remedy}),), (), {})
    return Examination((), (BOUNCES.name,), {})
