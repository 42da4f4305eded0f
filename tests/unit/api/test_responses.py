"""Answers are written by `respond`; a module that writes a body in another way is named here, with the reason."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
WRITES = re.compile(r"\bresp\.(data|media|stream|text) = ")
ALLOWED = {
    "api/accounts/export_stream.py": "an export is streamed",
    "api/calendars/answers.py": "a calendar file",
    "api/guests/guest_booking.py": "a calendar file",
    "api/guests/page_writer.py": "pages",
    "api/guests/pages.py": "a form's answer leads to a page and has no body",
    "api/http/errors.py": "the media type of a refusal depends on Accept",
    "api/http/responses.py": "it is the one way",
    "api/openapi/endpoints.py": "a page and its scripts",
    "api/payments/payer_pages.py": "pages",
}


def test_answers_are_written_in_one_way() -> None:
    found = {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "api").rglob("*.py") if WRITES.search(path.read_text())
    }
    assert found == set(ALLOWED)
