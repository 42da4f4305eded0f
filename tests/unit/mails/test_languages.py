"""Which language somebody is written to in."""

from __future__ import annotations

from typing import get_args

import pytest

from api.accounts.own_settings import MailLanguage
from core.configuration import values
from core.mails.language_choice import LANGUAGES, accepted_language


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en;q=0.2, ar;q=0.9", "ar"),
        ("fr-FR, fr;q=0.9, en-GB;q=0.5, de;q=0.1", "en"),
        ("DE-CH", "de"),
        ("fr, it", ""),
        ("de;q=0", ""),
        ("*", ""),
        ("", ""),
        (None, ""),
        ("x" * 1_000 + ",de", ""),
        (";q=1,,;", ""),
    ],
)
def test_the_language_that_is_liked_best_of_ours_is_taken(header: str | None, code: str) -> None:
    assert accepted_language(header) == code


def test_people_and_installations_choose_among_the_languages_that_mails_are_written_in() -> None:
    assert set(get_args(MailLanguage)) == values.LANGUAGES == set(LANGUAGES)
