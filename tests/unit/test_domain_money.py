"""Amounts cross the edge exactly or not at all."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.money import MINOR_MAX, major, minor, split


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("100.00", "usd", 10_000),
        ("100", "usd", 10_000),
        ("0.5", "usd", 50),
        ("0", "usd", 0),
        ("100", "jpy", 100),
        ("1.234", "kwd", 1_234),
        ("999999.99", "usd", MINOR_MAX),
    ],
)
def test_an_amount_becomes_minor_units(amount: str, currency: str, expected: int) -> None:
    assert minor(Decimal(amount), currency) == expected


@pytest.mark.parametrize("amount", ["0.001", "-1", "1000000", "1e40", "NaN", "Infinity", "-Infinity"])
def test_what_is_no_amount_of_the_currency_is_none(amount: str) -> None:
    assert minor(Decimal(amount), "usd") is None


def test_yen_have_no_fractions() -> None:
    assert minor(Decimal("100.5"), "jpy") is None


@given(st.integers(0, MINOR_MAX), st.sampled_from(["usd", "jpy", "kwd"]))
def test_there_and_back_is_the_same(amount_minor: int, currency: str) -> None:
    assert minor(major(amount_minor, currency), currency) == amount_minor


@given(st.integers(0, MINOR_MAX), st.lists(st.integers(0, MINOR_MAX), min_size=1, max_size=20))
def test_shares_add_up_to_the_cent_and_none_is_a_unit_off(amount_minor: int, weights: list[int]) -> None:
    shares = split(amount_minor, weights)
    assert sum(shares) == amount_minor
    fair = weights if any(weights) else [1] * len(weights)
    for share, weight in zip(shares, fair, strict=True):
        assert abs(share * sum(fair) - amount_minor * weight) < sum(fair)


def test_what_does_not_divide_goes_to_the_first() -> None:
    assert split(10_000, [1, 1, 1]) == [3334, 3333, 3333]
    assert split(100, [0, 0]) == [50, 50]
