"""How a finished mail leaves: by SMTP, or kept to be shown in the demo. What the mail server answers is judged here."""

from __future__ import annotations

import smtplib
from collections.abc import Mapping

from msgspec import Struct

from core.mail import Mail, Mailer
from core.store.connections.database import Connection
from core.store.deliveries.values import Answer, Delivery, never, sent, try_again
from core.store.mails.kept import keep_mail

PERMANENT = 500
BAD_MAILBOXES = frozenset({550, 551, 553, 556})
"""Answers to a recipient that say that it is none (RFC 5321, 4.2.3; RFC 7504)."""


class Posted(Struct, frozen=True):
    answer: Answer
    bounce: str = ""
    """What the mail server says of an address that is none; "" for anything else."""


def post(mailer: Mailer, mail: Mail) -> Posted:
    """Try once. An answer of 4xx, and a server that does not answer, is tried again; 5xx is not."""
    try:
        mailer.send(mail)
    except smtplib.SMTPRecipientsRefused as problem:
        return _refused(problem.recipients)
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPSenderRefused) as problem:
        return Posted(_ours(f"the mail server refuses us: {problem.smtp_code}"))
    except smtplib.SMTPResponseException as problem:
        words = f"the mail server answers {problem.smtp_code}"
        return Posted(never(words) if problem.smtp_code >= PERMANENT else _ours(words))
    except smtplib.SMTPNotSupportedError:
        return Posted(never("the mail server cannot take an address with these letters"))
    except OSError as problem:
        return Posted(_ours(f"the mail server does not answer: {type(problem).__name__}"))
    except ValueError:
        return Posted(never("the address cannot be written into a mail"))
    return Posted(sent("taken by the mail server"))


def keep(connection: Connection, delivery: Delivery, user_id: int, mail: Mail) -> Posted:
    """Show it to staff instead."""
    keep_mail(connection, delivery.id, user_id, mail)
    return Posted(sent("kept, as this is the demo"))


def _ours(words: str) -> Answer:
    """Nobody's address is at fault."""
    return try_again(words, is_receivers_fault=False)


def _refused(recipients: Mapping[str, tuple[int, bytes]]) -> Posted:
    """We send to one recipient at a time. What the server says may name the address, so it is not repeated."""
    code = min((code for code, _ in recipients.values()), default=PERMANENT)
    words = f"the mail server refuses the address: {code}"
    if code < PERMANENT:
        return Posted(try_again(words))
    return Posted(never(words), bounce=str(code) if code in BAD_MAILBOXES else "")
