"""Names that differ only in case, blanks, normal form or invisible characters are the same name."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable
from unicodedata import normalize

import pytest

from core.domain.names import folded
from tests.conftest import FIGURE

NOT_SAID = frozenset({"Cn", "Co", "Cs"})
CHARACTERS = [chr(point) for point in range(sys.maxunicode + 1) if unicodedata.category(chr(point)) not in NOT_SAID]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Straße", "STRASSE"),
        ("İstanbul", "i\u0307stanbul"),
        ("Café", "cafe\u0301"),
        ("Massage", "\uff2d\uff41\uff53\uff53\uff41\uff47\uff45"),
        ("office", "o\ufb03ce"),
        ("Hot Stone", " hot\u00a0\u2003stone\n"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u062e"),
        ("shy", "s\u00adh\ufeffy"),
        ("Ά", "\u03b1\u0301"),
        ("ᾳ\u0301", "\u03b1\u0301\u0345"),
        ("ﷺ", "صلى الله عليه وسلم"),
    ],
)
def test_the_same_name_however_it_is_written(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ("one", "other"), [("istanbul", "İstanbul"), ("resume", "résumé"), ("l", "1"), ("\u0131", "i")]
)
def test_other_names_stay_others(one: str, other: str) -> None:
    assert folded(one) != folded(other)


@pytest.mark.parametrize("context", ["{}", "a{}b"])
def test_folding_knows_no_case_and_no_normal_form(context: str, record_property: Callable[[str, object], None]) -> None:
    """Of every character: a key is its own key, and each form of a text has the same one."""
    texts = [context.format(one) for one in CHARACTERS]
    keys = [folded(text) for text in texts]
    again = [text for text, key in zip(texts, keys, strict=True) if folded(key) != key]
    forms = [
        (form, text)
        for text, key in zip(texts, keys, strict=True)
        if not text.isascii()
        for form in ("NFC", "NFD", "NFKC", "NFKD")
        if (other := normalize(form, text)) != text and folded(other) != key
    ]
    cased = [text for text, key in zip(texts, keys, strict=True) if folded(text.casefold()) != key]
    assert (again, forms, cased) == ([], [], [])
    record_property(FIGURE, f"folding: {len(CHARACTERS):,} characters of Unicode {unicodedata.unidata_version}")
