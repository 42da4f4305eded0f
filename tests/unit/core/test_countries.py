"""What people write for a country, and the list that menus are filled with."""

from __future__ import annotations

import pytest

from core.countries import countries, country_code


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("Egypt", "EG"),
        ("eg", "EG"),
        ("EGY", "EG"),
        ("Arab Republic of Egypt", "EG"),
        ("USA", "US"),
        ("U.S.A.", "US"),
        (" united  states ", "US"),
        ("Canada", "CA"),
        ("UK", "GB"),
        ("Turkey", "TR"),
        ("Türkiye", "TR"),
        ("South Korea", "KR"),
        ("Taiwan", "TW"),
        ("", None),
        ("Narnia", None),
        ("\x00", None),
    ],
)
def test_a_country_is_known_by_its_codes_and_names(written: str, code: str | None) -> None:
    assert country_code(written) == code


def test_the_list_has_each_country_once_by_name() -> None:
    codes = [country.code for country in countries()]
    names = [country.name for country in countries()]
    assert len(codes) == len(set(codes)) > 240
    assert names[:3] == ["Afghanistan", "Åland Islands", "Albania"]
    assert names[-1] == "Zimbabwe"
    assert all(country_code(name) == code for name, code in zip(names, codes, strict=True))
