"""The commands that README.md prints, and what a reader is told to fill in."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.pages import ROOT, blocks, sections

README = sections((ROOT / "README.md").read_text())
FIRST, LAST = "A booking", "Demo accounts"
EXAMPLES = [
    block
    for title, text in README.items()
    if list(README).index(FIRST) <= list(README).index(title) < list(README).index(LAST)
    for block in blocks(text)
]
"""What can be pasted while `make run` runs, in order."""
HEARD = (
    "201 Created",
    "202 Accepted",
    "command_finished",
    "bookings_data",
    "booking_created",
    "outside_working_hours",
    "booking_date",
)
"""Words that come of them: each kind of answer was really seen."""

FROM_NOTHING = README["From nothing to the first booking"]
_, _, EMBEDDED, COMPOSE, MANAGED, *_THEN = re.split(r"^(?=\*\w|\*\*\d)", FROM_NOTHING, flags=re.MULTILINE)
"""The ways to start it, each with its blocks, and what follows in all of them."""
LOOK, SUPERUSER, OFFER, BOOK, CONFIRMED = [block for step in _THEN for block in blocks(step)]
EMBEDDED_RUN, EMBEDDED_TERMINAL = blocks(EMBEDDED)
EMBEDDED_DATA, EMBEDDED_URL = "/var/lib/holdfast", "http://localhost:8000"


def embedded_settings() -> dict[str, str]:
    """What the embedded stack is started with, but for the keys of an account."""
    start = EMBEDDED_RUN.splitlines()[-1]
    words = dict(word.split("=") for word in start.removeprefix("make run ").split())
    assert words.pop("DATA") == EMBEDDED_DATA
    return words


def embedded_steps(data: Path, url: str) -> list[str]:
    """In a second terminal, up to something that can be booked."""
    assert EMBEDDED_DATA in EMBEDDED_TERMINAL
    assert EMBEDDED_URL in EMBEDDED_TERMINAL
    terminal = EMBEDDED_TERMINAL.replace(EMBEDDED_DATA, str(data)).replace(EMBEDDED_URL, url)
    return [terminal, SUPERUSER, OFFER]
