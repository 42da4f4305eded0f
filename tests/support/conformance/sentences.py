"""What no message may hold: it is for people who have not read our code."""

from __future__ import annotations

import re
from collections.abc import Mapping

FOR_PROGRAMMERS: Mapping[str, str] = {
    r"\\": "a backslash",
    r"\b1 (seconds|cells|rows)\b": "a plural of one",
    r"^[1-5]\d\d [A-Z]": "a status line of HTTP",
    r"[\^$]": "a sign of regular expressions",
    r"\[[^\]]*-[^\]]*\]|\(\?": "a regular expression",
    r"`": "a quote of code",
    r"\b(Expected|regex|regexp|pattern .*match|None(?! of)|NoneType|True|False|UNSET|msgspec|psycopg|Traceback|Exception)\b": (
        "words of Python or of a library"
    ),
    r"\b(str|int|bool|dict|datetime|ndarray|isoformat)\b": "a type of Python",
    r"<class|0x[0-9a-f]{6}|\w+Error\b|\b_\w+|\w+\.\w+\(": "a name of our code",
    r"\{|\}": "a place that was not filled in",
}
"""By regular expression: what it finds."""
ECHOES = re.compile(r"^Unknown (field|parameter|column): |^Column given twice: ")
"""Sentences that repeat what was sent, whatever it was."""


def unclear_wording(sentence: str) -> list[str]:
    """Why a sentence is none for a person who has not read our code."""
    if ECHOES.match(sentence):
        return []
    found = [why for form, why in FOR_PROGRAMMERS.items() if re.search(form, sentence)]
    return found + ([] if sentence[:1].strip() else ["nothing"])
