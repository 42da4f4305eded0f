"""When two names are the same: one rule for looking up, searching and unique keys.

PostgreSQL has the same rule as the function `folded` (migration 0030), for what it compares by itself.
A test compares the two for every character. Both follow Unicode; they may differ only in characters that
are newer than the older one of the two Unicode versions.
"""

from __future__ import annotations

import re
from unicodedata import normalize

_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""What cannot be seen: joiners, soft hyphens, direction marks, variation selectors. Unicode's
Default_Ignorable_Code_Point, which also keeps room for those to come."""


def folded(text: str) -> str:
    """The form in which two texts are equal if they are the same name.

    Case, blanks, normal form (NFC, NFD, full width, ligatures) and invisible characters do not count. It is Unicode's
    NFKC_Casefold (UAX 44), with blanks trimmed and runs of them made one.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    seen = _IGNORABLE.sub("", text)
    plain = normalize("NFKC", normalize("NFKC", normalize("NFD", seen).casefold()).casefold())
    return " ".join(plain.split())


def as_name(text: str) -> str:
    """A name as it is stored and shown: without blanks around it, in the normal form NFC."""
    return text.strip() if text.isascii() else normalize("NFC", text.strip())


def without_invisible(text: str) -> str:
    """The text without the characters that `folded` ignores."""
    return text if text.isascii() else _IGNORABLE.sub("", text)
