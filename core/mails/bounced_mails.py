"""What a report about an undeliverable mail says (RFC 3464): of which mail of ours, and whether its address is no good.

Anybody can write such a report. It counts only with the `Message-ID` of a mail that was sent, in which a mark stands
that nobody can make who has not seen the mail (`core.identity.credentials.guest_tokens.mail_mark`): so nobody silences
an address but their own.
"""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import Message
from uuid import UUID

from msgspec import Struct

from core.mails.posting import BAD_MAILBOXES

REPORT = "multipart/report"
STATUS_PART = "message/delivery-status"
RETURNED = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})
BAD_ADDRESS = re.compile(r"5\.(?:1\.[0-9]{1,2}|2\.1)\Z")
"""There is no such mailbox, or it is closed (RFC 3463, 3.2 and 3.3). A full one and a refused text are another matter."""
UNSAID = "5.0.0"
"""Servers that give no better status say what SMTP answered."""
_STATUS = re.compile(r"\s*([245]\.[0-9]{1,3}\.[0-9]{1,3})\b")
_SMTP_CODE = re.compile(r"\s*smtp\s*;\s*([245][0-9]{2})\b", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([A-Za-z0-9_-]{1,64})@[^<>@\s]{1,255}>\Z")


class Bounce(Struct, frozen=True):
    """An address that is no good, as a report says it."""

    delivery_id: UUID
    mark: str
    status: str


def message_id(delivery_id: UUID, mark: str, domain: str) -> str:
    return f"<{delivery_id}.{mark}@{domain}>"


def bounce_of(raw: bytes) -> Bounce | None:
    """None for every other mail, and for what may yet arrive or is no fault of the address."""
    try:
        mail = message_from_bytes(raw, policy=policy.compat32)
        if mail.get_content_type() != REPORT or not mail.is_multipart():
            return None
        status, found = _status(mail), _returned_id(mail)
    except (ValueError, LookupError, TypeError, RecursionError):  # what anybody may write, the library may not read
        return None
    if not status or found is None:
        return None
    return Bounce(UUID(found[1]), found[2], status)


def _status(mail: Message) -> str:
    """Of the first recipient whose address is no good; "" if there is none. We write to one at a time."""
    for part in mail.walk():
        if part.get_content_type() != STATUS_PART or not part.is_multipart():
            continue
        for block in part.get_payload():
            if isinstance(block, Message) and (found := _failed(block)):
                return found
    return ""


def _failed(block: Message) -> str:
    if str(block.get("Action", "")).strip().lower() != "failed":
        return ""
    status = _STATUS.match(str(block.get("Status", "")))
    code = _SMTP_CODE.match(str(block.get("Diagnostic-Code", "")))
    if status and BAD_ADDRESS.match(status[1]):
        return status[1]
    if status and status[1] == UNSAID and code and int(code[1]) in BAD_MAILBOXES:
        return code[1]
    return ""


def _returned_id(mail: Message) -> re.Match[str] | None:
    """The `Message-ID` of the mail that came back, if it is one of ours."""
    for part in mail.walk():
        if part.get_content_type() not in RETURNED:
            continue
        inner = part.get_payload()
        headers = inner[0] if isinstance(inner, list) and inner else message_from_bytes(_bytes_of(part))
        if isinstance(headers, Message) and (found := _MESSAGE_ID.match(str(headers.get("Message-ID", "")).strip())):
            return found
    return None


def _bytes_of(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
