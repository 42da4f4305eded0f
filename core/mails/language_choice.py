"""Which languages mails and guests' pages are written in, and which of them somebody likes best.

It stands apart from `core.mails.languages`, which loads Babel: registering somebody needs this alone.
"""

from __future__ import annotations

import re

ENGLISH = "en"
LANGUAGES = (ENGLISH, "ar", "de")
"""Those that mails are written in."""
ACCEPT_CHARS_MAX = 200
"""Of an Accept-Language that are looked at; browsers send less."""
_QUALITY = re.compile(r"q\s*=\s*([01](?:\.[0-9]{0,3})?)")


def accepted_language(header: str | None) -> str:
    """The language that an Accept-Language likes best (RFC 9110, 12.5.4) of ours; "" if it likes none."""
    liked: dict[str, float] = {}
    for one in (header or "")[:ACCEPT_CHARS_MAX].lower().split(","):
        tag, _, quality = one.partition(";")
        code = tag.strip().partition("-")[0]
        if code in LANGUAGES:
            liked[code] = max(liked.get(code, 0.0), _quality(quality))
    best = max(liked, key=liked.__getitem__, default="")
    return best if liked.get(best) else ""


def _quality(parameter: str) -> float:
    found = _QUALITY.fullmatch(parameter.strip())
    return float(found[1]) if found else 1.0
