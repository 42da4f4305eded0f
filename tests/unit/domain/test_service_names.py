"""Which services an unknown name is likely to mean."""

from __future__ import annotations

import pytest

from core.domain.resources.service_names import COMPARED_MAX, NAMED_MAX, NearestNames

NAMES = ("Legal Consultation", "60-minute Consultation", "Massage", "Hot Stone Massage", "Straße kehren", "Haircut")


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("Masage", "Massage"),
        ("massages", "Massage"),
        ("hot stones", "Hot Stone Massage"),
        ("Legal consulation", "Legal Consultation"),
        ("hair cut", "Haircut"),
        ("STRASE KEHREN", "Straße kehren"),
        ("consultation 60 minutes", "60-minute Consultation"),
    ],
)
def test_a_misspelt_name_is_near_the_one_it_means(typed: str, first: str) -> None:
    found = NearestNames(NAMES).to(typed)
    assert found[0] == first
    assert len(found) <= NAMED_MAX


@pytest.mark.parametrize("typed", ["xyz", "Qi", "按摩", "\u200d"])
def test_what_is_like_nothing_is_near_nothing(typed: str) -> None:
    assert NearestNames(NAMES).to(typed) == ()
    assert NearestNames().to(typed) == ()


def test_looking_is_work_of_microseconds_for_the_longest_names() -> None:
    """Each name is cut into pairs once, and each unknown name is looked for once."""
    names = [f"{number:03}" + "abcdefgh" * 24 for number in range(COMPARED_MAX)]
    near = NearestNames(names)
    assert near.to("abcdefgh" * 25) is near.to("ABCDEFGH" * 25)
