"""Subjects and names arrive as they were written, whatever their letters and however long they are."""

from __future__ import annotations

from datetime import datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest
from babel.dates import format_date, format_time
from hypothesis import given
from hypothesis import strategies as st

from core.mail import Mail, message_of

SENDER = "Praxis f\u00fcr G\u00e4ste und m\u00fcde F\u00fc\u00dfe am B\u00e4renplatz <desk@example.org>"
WORDS = {
    "en": "Your booking is held for a short time only: {}",
    "de": "\u00dcberraschung f\u00fcr m\u00fcde G\u00e4ste \u2014 {}",
    "ar": "\u062d\u062c\u0632\u0643 \u0645\u062d\u0641\u0648\u0638 \u0644\u0641\u062a\u0631\u0629 \u0642\u0635\u064a\u0631\u0629: {}",
}
FIRST = datetime(2026, 12, 1, 9)


def unfolded(header: str) -> str:
    """RFC 5322, 2.2.3."""
    return header.replace("\r", "").replace("\n", "")


def arrived(subject: str, sender: str = SENDER) -> tuple[str, str]:
    """(subject, sender's name) as a mail program reads them from the wire."""
    sent = message_of(Mail("ada@example.org", subject, "text"), sender).as_bytes()
    lines = sent.splitlines()
    assert all(len(line) < 100 for line in lines)
    assert not {b"Subject:", b"Subject: "} & set(lines), "some programs show the space of a line that goes on"
    read = message_from_bytes(sent)
    subject_read, sender_read = (str(make_header(decode_header(unfolded(read[name])))) for name in ("Subject", "From"))
    return subject_read, parseaddr(sender_read)[0]


@pytest.mark.parametrize("language", WORDS)
def test_every_day_of_a_year_arrives_in_a_subject(language: str) -> None:
    for days in range(366):
        day = FIRST + timedelta(days=days)
        when = f"{format_date(day, 'full', locale=language)}, {format_time(day, 'short', locale=language)}"
        subject = WORDS[language].format(when)
        for one in (subject, subject.replace("\u202f", " ")):  # in English the second is ASCII
            assert arrived(one)[0] == one


@pytest.mark.parametrize(
    "name",
    ["M\u00fcller \u2014 Fr\u00fch GmbH", SENDER.split(" <", maxsplit=1)[0], "Plain name", WORDS["ar"].format("")[:-2]],
)
def test_a_senders_name_arrives(name: str) -> None:
    assert arrived("Hello", f"{name} <desk@example.org>")[1] == name


@given(st.lists(st.text("ab\u00e4\u00df\u2014\u062d", min_size=1, max_size=30), min_size=1, max_size=12))
def test_words_of_any_letters_keep_their_spaces(words: list[str]) -> None:
    subject = " ".join(words)
    assert arrived(subject)[0] == subject
