"""Each mail in each language, with names that somebody typed to do harm; and templates that replace ours."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from msgspec.structs import replace

from core.mails.kinds import MailKind, Role
from core.mails.language_choice import LANGUAGES
from core.mails.languages import CATALOGUES, language
from core.mails.letters import NAME_CHARS_MAX, Letter, plain
from core.mails.templates import OURS, Templates, problems

AT = datetime(2030, 1, 7, 9, tzinfo=UTC)
TEMPLATES = Templates()
HOSTILE = (
    "<script>alert(1)</script>", "a\r\nBcc: all@example.org\r\n\r\nBuy", "http://evil.example/x", "www.evil.example",
    "\u202etxt.exe", "{{ 7 * 7 }}", "%(when)s %s {0}", "\u2028Pay here", "x" * 500, '"><img src=x onerror=alert(1)>',
)  # fmt: skip


def letter(kind: MailKind = MailKind.CONFIRMATION, role: Role = Role.CLIENT, **fields: Any) -> Letter:
    known = Letter(
        kind=kind, role=role, business="Anna's", reference="12", starts_at=AT, ends_at=AT + timedelta(hours=1),
        zone="Europe/Berlin", what="Massage", who="Zoë Ball", where="Main street 1", price_minor=5000, back_minor=5000,
        currency="eur", link="https://example.org/b/t/", paid_minor=5000, refunded_minor=2500, held_until=AT,
        reminders_link="https://example.org/guest/reminders/t/",
    )  # fmt: skip
    return replace(known, **fields)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize(("kind", "role", "code"), list(product(MailKind, Role, LANGUAGES)))
def test_a_mail_says_the_same_in_text_and_html_and_nothing_typed_becomes_part_of_it(
    kind: MailKind, role: Role, code: str
) -> None:
    for typed in HOSTILE:
        name = plain(typed)
        shown = letter(kind, role, what=name, who=name, where=name)
        mail = TEMPLATES.render(shown, code)
        tags = Tags()
        tags.feed(mail.html)
        assert not {"script", "img"} & {tag for tag, _ in tags.found}
        assert {attrs["href"] for tag, attrs in tags.found if tag == "a"} <= {shown.link, shown.reminders_link}
        assert tags.found[0] == ("html", {"lang": code, "dir": "rtl" if code == "ar" else "ltr"})
        assert set(re.findall(r"\S+://\S+", mail.text)) <= {shown.link, shown.reminders_link}
        assert "\n" not in mail.subject
        assert name not in mail.subject
        assert kind is MailKind.ADDRESS or shown.link in mail.text
        assert "49" not in mail.text.replace("2030", "")


def test_dates_and_money_are_written_as_the_language_has_them() -> None:
    assert "Monday, January 7, 2030, 10:00\u00a0AM" in TEMPLATES.render(letter(), "en").text
    german = TEMPLATES.render(letter(MailKind.CANCELLATION), "de")
    assert german.subject == "Ihre Buchung ist storniert: Montag, 7. Januar 2030, 10:00"
    assert "50,00\u00a0€" in german.text
    assert "الاثنين، 7 يناير 2030" in TEMPLATES.render(letter(), "ar").text


def test_a_payment_that_paid_for_nothing_is_told_with_what_has_gone_back() -> None:
    mail = TEMPLATES.render(letter(MailKind.REFUND, is_unusable=True), "en")
    assert "could not be used" in mail.text
    assert "€25.00" in mail.text
    assert "could not be used" not in TEMPLATES.render(letter(MailKind.REFUND), "en").text


def test_a_failed_payment_says_until_when_the_booking_is_held_if_it_is() -> None:
    assert "held until Monday, January 7, 2030" in TEMPLATES.render(letter(MailKind.PAYMENT_FAILED), "en").text
    assert "held no more" in TEMPLATES.render(letter(MailKind.PAYMENT_FAILED, held_until=None), "en").text


def test_a_free_seat_is_to_be_confirmed_and_another_to_be_paid() -> None:
    assert "paid for it" in TEMPLATES.render(letter(MailKind.OFFER), "en").text
    assert "confirmed it" in TEMPLATES.render(letter(MailKind.OFFER, price_minor=0), "en").text


def test_what_has_no_time_is_told_without_one() -> None:
    mail = TEMPLATES.render(letter(starts_at=None, ends_at=None), "en")
    assert mail.subject == "Your booking is confirmed"
    assert "calendar" not in mail.text


def test_an_unknown_language_is_english() -> None:
    assert language("xx").code == "en"


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
def test_a_catalogue_has_every_sentence_with_its_values(code: str) -> None:
    sources = [*OURS.iterdir(), *(Path(__file__).parents[3] / "api" / "guests" / "pages").iterdir()]
    wanted = {words for path in sources for words in re.findall(r'_\("([^"]+)"', path.read_text())}
    with (CATALOGUES / code / "LC_MESSAGES" / "mails.po").open("rb") as file:
        has = {str(one.id): str(one.string) for one in read_po(file, locale=code) if one.id}
    assert not wanted - has.keys()
    for words in wanted:
        assert has[words], words
        assert sorted(re.findall(r"%\(\w+\)s", words)) == sorted(re.findall(r"%\(\w+\)s", has[words]))


def test_a_plain_name_is_one_bounded_line() -> None:
    assert plain(" Zoë\n Ball\t ") == "Zoë Ball"
    assert len(plain("x" * 500)) == NAME_CHARS_MAX


def test_a_business_replaces_one_file_and_keeps_the_others(tmp_path: Path) -> None:
    (tmp_path / "confirmation.txt").write_text("See you at {{ when }}, {{ what }}")
    assert list(problems(str(tmp_path))) == []
    mail = Templates(str(tmp_path)).render(letter(), "en")
    assert mail.text.startswith("See you at Monday, January 7, 2030")
    assert "is confirmed" in mail.html
    assert "is confirmed" in mail.subject


@pytest.mark.parametrize(
    ("name", "words", "problem"),
    [
        ("confirmation.txt", "{% if %}", "confirmation.txt cannot be used"),
        ("change.html", "{{ nothing_of_this_name }}", "'nothing_of_this_name' is undefined"),
        ("confirmation.subject.txt", "{{ what }} is booked", "'what' is undefined"),
        ("confirmation.txt", "{{ ''.__class__.__mro__ }}", "unsafe"),
        ("confirmed.txt", "Hello", "confirmed.txt replaces nothing"),
        ("layout.txt", "{{ price_minor | euros }}", "euros"),
    ],
    ids=["syntax", "unknown value", "typed words in a subject", "a program", "misspelt", "unknown filter"],
)
def test_a_replacement_that_cannot_be_used_is_named(tmp_path: Path, name: str, words: str, problem: str) -> None:
    (tmp_path / name).write_text(words)
    found = list(problems(str(tmp_path)))
    assert len(found) == 1
    assert problem in found[0]
