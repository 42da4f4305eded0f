"""Usernames are put into their normal form first, then checked, then stored."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from api.accounts.login.registration import UsernameRegistration
from api.contracts.appointments.users.user_fields import NewPerson
from api.http.bodies import parse_json
from api.http.errors import Problem
from core.identity.account_names import NotOneNumberError, as_username, names, number_in, username_key, username_keys
from tests.conftest import FIGURE

NUMBER = "20255779615"
WRITTEN = {
    "plain": NUMBER,
    "full width": "".join(chr(ord(digit) + 0xFEE0) for digit in NUMBER),
    "Arabic-Indic": "".join(chr(0x0660 + int(digit)) for digit in NUMBER),
    "Devanagari": "".join(chr(0x0966 + int(digit)) for digit in NUMBER),
    "mathematical": "".join(chr(0x1D7CE + int(digit)) for digit in NUMBER),
    "no-break space": "2025\u00a05779615",
    "thin space": "2025\u2009577\u20099615",
    "ideographic space": "2025\u30005779615",
    "two blanks": "2025  5779615",
    "no-break hyphen": "2025\u20115779615",
    "en dash": "2025\u20135779615",
    "full-width brackets": "\uff082025\uff095779615",
    "full-width plus": "\uff0b20255779615",
    "zero-width space": "2025\u200b5779615",
    "joiner": "2025\u200d5779615",
    "non-joiner": "2025\u200c5779615",
    "soft hyphen": "2025\u00ad5779615",
    "byte order mark": "\ufeff20255779615",
    "direction mark": "\u200f20255779615",
    "isolates": "\u206820255779615\u2069",
    "embedding": "\u202a20255779615\u202c",
    "variation selector": "2025\ufe0f5779615",
}
"""One phone number, in ways that end in its key."""
AT_SIGNS = {"plain": "@", "full width": "\uff20", "small": "\ufe6b"}
ANGLES = {"plain": "<", "full width": "\uff1c", "small": "\ufe64"}


def refused(kind: type[UsernameRegistration | NewPerson], username: str) -> list[str]:
    """The fields that a body with this username is refused for."""
    try:
        parse_json(f'{{"username": "{username}", "password": "123456Long"}}'.encode(), kind)
    except Problem as problem:
        return [one.field for one in problem.problems]
    return []


@pytest.mark.parametrize(
    ("username", "words"),
    {
        "\u00a8zoe": "username must begin with a letter, a digit or a sign that can be seen",  # a blank and a mark
        "zoe\uff1c": "username must not contain \uff1c (U+FF1C), which looks like <",
        "\u0308zoe": "username must begin with a letter, a digit or a sign that can be seen",
    }.items(),
)
def test_a_refused_username_is_told_what_is_wrong_with_it(username: str, words: str) -> None:
    """Also where only its normal form shows it."""
    with pytest.raises(Problem) as refusal:
        parse_json(f'{{"username": "{username}", "password": "123456Long"}}'.encode(), UsernameRegistration)
    assert [one.message for one in refusal.value.problems] == [words]


@pytest.mark.parametrize("way", WRITTEN)
def test_nobody_chooses_a_phone_number_however_it_is_written(way: str) -> None:
    assert refused(UsernameRegistration, WRITTEN[way]) == ["username"]
    assert number_in(WRITTEN[way]) == NUMBER


@pytest.mark.parametrize("way", WRITTEN)
def test_a_user_whom_staff_name_by_a_number_goes_by_that_number(way: str) -> None:
    made = names(WRITTEN[way], "", None)
    assert (made.username_key, made.phone_key) == (NUMBER, NUMBER)
    with pytest.raises(NotOneNumberError):
        names(WRITTEN[way], "5550001", None)


@pytest.mark.parametrize("sign", AT_SIGNS)
def test_nobody_chooses_an_address(sign: str) -> None:
    assert refused(UsernameRegistration, f"zoe{AT_SIGNS[sign]}example.org") == ["username"]
    assert username_key(f"ZOE{AT_SIGNS[sign]}example.org") == "zoe@example.org"


@pytest.mark.parametrize("sign", ANGLES)
@pytest.mark.parametrize("kind", [UsernameRegistration, NewPerson])
def test_no_name_becomes_a_tag(kind: type[UsernameRegistration | NewPerson], sign: str) -> None:
    assert refused(kind, f"{ANGLES[sign]}b") == ["username"]


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u3000", "\u200d", "\ufeff", "\u00ad\u2060", "\u3164"])
@pytest.mark.parametrize("kind", [UsernameRegistration, NewPerson])
def test_nothing_that_can_be_seen_is_no_name(kind: type[UsernameRegistration | NewPerson], blank: str) -> None:
    assert refused(kind, blank) == ["username"]


def test_the_ways_are_different(record_property: Callable[[str, object], None]) -> None:
    assert len(set(WRITTEN.values())) == len(WRITTEN)
    record_property(FIGURE, f"usernames: {len(WRITTEN)} ways to write one phone number")


def test_a_name_is_as_long_as_it_is_stored() -> None:
    assert refused(UsernameRegistration, "\ufdfa" * 8) == []
    assert refused(UsernameRegistration, "\ufdfa" * 9) == ["username"]


@pytest.mark.parametrize(
    ("typed", "stored", "key"),
    [
        ("Zoë", "Zoë", "zoë"),
        ("Zoe\u0308 ", "Zoë", "zoë"),
        ("Jean\u2011Luc", "Jean-Luc", "jean-luc"),
        ("Ada\u00a0 Lovelace", "Ada Lovelace", "ada lovelace"),
        ("o\ufb03ce", "office", "office"),
        ("Straße", "Straße", "strasse"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u062e"),
        ("İnci", "İnci", "i\u0307nci"),
        ("12 Monkeys", "12 Monkeys", "12 monkeys"),
    ],
)
def test_what_is_stored_and_what_it_is_found_by(typed: str, stored: str, key: str) -> None:
    assert refused(UsernameRegistration, typed) == []
    assert as_username(typed) == stored
    assert as_username(stored) == stored
    assert {username_key(typed), username_key(stored), names(typed, "", None).username_key} == {key}


def test_a_name_with_a_key_of_an_older_release_is_still_found() -> None:
    """It kept several blanks, and characters that cannot be seen. An account that has today's key by now is looked up after it."""
    assert username_keys("Ada  Lovelace", None) == ["ada  lovelace", "ada lovelace"]
    assert username_keys("A\u200dda", None) == ["a\u200dda", "ada"]
    assert username_keys("Jean\u2011Luc", None) == ["jean\u2010luc", "jean-luc"]
    assert username_keys("+49 (30) 901", None) == ["+49 (30) 901", "4930901"]


def test_a_number_that_a_spreadsheet_once_made_a_decimal_is_found_by_its_digits_after_all_others() -> None:
    assert username_keys("2025550123", None) == ["2025550123", "2025550123.0"]
    assert username_keys("2025550123", "US") == ["2025550123", "+12025550123", "2025550123.0"]
    assert username_keys("2025550123.0", None) == ["2025550123.0"]
    assert username_keys("room 12", None) == ["room 12"]


def test_a_key_of_an_older_release_that_somebody_may_choose_today_is_asked_last() -> None:
    """Marks in another order: an account with the second name must not be found by the first."""
    name, other = "\u1fb3\u0323x", "\u03b1\u03b9\u0323x"
    assert refused(UsernameRegistration, other) == []
    assert username_keys(name, None) == [username_key(name), username_key(other)]
