"""What a mail is made of, before it has words: values from the booking, and what may stand where."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

from msgspec import Struct

from core.mails.kinds import MailKind, Role

NAME_CHARS_MAX = 80
_LINKS = re.compile(r"[:/\\@<>]|\bwww\.", re.IGNORECASE)


class Letter(Struct, frozen=True, kw_only=True):
    """Everything that a template may say. Names are those of the catalogue, made plain."""

    kind: MailKind
    role: Role
    business: str
    """As HOLDFAST_MAIL_FROM names it."""
    reference: str
    starts_at: datetime | None = None
    """None where a booking has no time, such as a course with its sessions."""
    ends_at: datetime | None = None
    zone: str = "UTC"
    what: str = ""
    """From the catalogue; "" where the name was typed by whoever made the booking."""
    who: str = ""
    """To a client the practitioner, to a practitioner the client."""
    where: str = ""
    price_minor: int = 0
    back_minor: int = 0
    """What goes back to a client who has paid."""
    paid_minor: int = 0
    """That came in."""
    refunded_minor: int = 0
    """All that has gone back of the payment."""
    is_unusable: bool = False
    """The payment paid for nothing: it came too late, twice, or in another amount."""
    held_until: datetime | None = None
    """When a hold ends; None for what is held no more."""
    currency: str = "usd"
    reminders_link: str = ""
    """Where its reader switches reminders off; "" for all other mails."""
    link: str = ""
    """Where the client sees, moves or cancels the booking; "" for a practitioner."""


def plain(name: str) -> str:
    """A name as one line that no mail program makes a link of: whoever typed it sends mails in our name otherwise."""
    shown = "".join(char if unicodedata.category(char)[0] != "C" else " " for char in name)
    words = " ".join(_LINKS.sub(" ", shown).split())
    return words if len(words) <= NAME_CHARS_MAX else words[: NAME_CHARS_MAX - 1] + "…"
