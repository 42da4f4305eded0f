"""Amounts cross the edge exactly or not at all."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.payments.currencies import CURRENCIES
from core.domain.payments.money import MINOR_MAX, can_be_charged, is_amount, major, minor, nearest, refundable, split


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("100.00", "usd", 10_000),
        ("100", "usd", 10_000),
        ("0.5", "usd", 50),
        ("0", "usd", 0),
        ("100", "jpy", 100),
        ("1.230", "kwd", 1_230),
        ("10", "isk", 1_000),
        ("100.00", "ugx", 10_000),
        ("999999.99", "usd", MINOR_MAX),
    ],
)
def test_an_amount_becomes_minor_units(amount: str, currency: str, expected: int) -> None:
    assert minor(Decimal(amount), currency) == expected


@pytest.mark.parametrize(
    "amount",
    [
        "0.001", "-1", "1000000", "1e40", "NaN", "Infinity", "-Infinity", "sNaN", "1e999999999", "-1e999999999",
        "1e-999999999", "0e999999999", "9" * 5000, "0." + "0" * 5000, "0.1000000000000000000000000000001",
    ],
)  # fmt: skip
def test_what_is_no_amount_of_the_currency_is_none(amount: str) -> None:
    assert minor(Decimal(amount), "usd") is None


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("100.5", "jpy"), ("1.234", "kwd"), ("10.50", "isk"), ("100.50", "ugx"), ("1", "xyz"), ("0", "xyz"), ("1", "USD")],
)
def test_what_stripe_has_no_amount_for_is_none(amount: str, currency: str) -> None:
    assert minor(Decimal(amount), currency) is None


@pytest.mark.parametrize(
    ("amount", "currency", "can"),
    [
        ("0.30", "usd", False), ("0.49", "usd", False), ("0.50", "usd", True),
        ("0.10", "eur", False), ("0.50", "eur", True),
        ("0.29", "gbp", False), ("0.30", "gbp", True),
        ("20", "jpy", False), ("50", "jpy", True),
        ("174.99", "huf", False), ("175", "huf", True),
        ("1", "krw", True), ("1", "isk", True), ("0.01", "kwd", True),
        ("0", "usd", False),
    ],
)  # fmt: skip
def test_a_charge_is_at_least_what_stripe_lists(amount: str, currency: str, *, can: bool) -> None:
    amount_minor = minor(Decimal(amount), currency)
    assert amount_minor is not None
    assert can_be_charged(amount_minor, currency) is can


def test_the_table_is_stripes() -> None:
    """As many as its page lists, and each kind of them."""
    digits = {code: currency.digits for code, currency in CURRENCIES.items()}
    assert sorted(code for code, places in digits.items() if places == 3) == ["bhd", "jod", "kwd", "omr", "tnd"]
    assert sum(places == 0 for places in digits.values()) == 15
    assert len(CURRENCIES) > 135
    for code, currency in CURRENCIES.items():
        assert code.islower()
        assert len(code) == 3
        assert is_amount(currency.minimum_minor, code), "the minimum is an amount itself"


money = st.sampled_from(sorted(CURRENCIES)).flatmap(
    lambda code: st.tuples(
        st.integers(0, MINOR_MAX // CURRENCIES[code].step_minor).map(lambda n: n * CURRENCIES[code].step_minor),
        st.just(code),
    )
)
"""Amounts with their currencies."""


@given(money)
def test_there_and_back_is_the_same(amount: tuple[int, str]) -> None:
    amount_minor, currency = amount
    assert minor(major(amount_minor, currency), currency) == amount_minor


@given(money, st.lists(st.integers(0, MINOR_MAX), min_size=1, max_size=20))
def test_shares_add_up_can_each_be_refunded_and_none_is_a_unit_off(amount: tuple[int, str], weights: list[int]) -> None:
    amount_minor, currency = amount
    step = CURRENCIES[currency].step_minor
    shares = split(amount_minor, weights, currency)
    assert sum(shares) == amount_minor
    assert all(is_amount(share, currency) for share in shares)
    fair = weights if any(weights) else [1] * len(weights)
    for share, weight in zip(shares, fair, strict=True):
        assert abs(share * sum(fair) - amount_minor * weight) < sum(fair) * step


def test_what_does_not_divide_goes_to_the_first() -> None:
    assert split(10_000, [1, 1, 1], "usd") == [3334, 3333, 3333]
    assert split(100, [0, 0], "usd") == [50, 50]
    assert split(10_000, [1, 1, 1], "kwd") == [3340, 3330, 3330]
    assert split(1_000, [1, 1, 1], "isk") == [400, 300, 300]
    assert split(1_234, [1, 1], "kwd") == [624, 610], "a price of an older release adds up all the same"


@given(st.integers(0, MINOR_MAX), st.lists(st.integers(0, 50_000), min_size=1, max_size=6))
def test_shares_of_older_releases_go_back_in_amounts_that_can(steps: int, shares: list[int]) -> None:
    """Whatever the shares: each refund is one that Stripe makes, and together they are no more than was paid."""
    kept = steps * 10
    for share in shares:
        back = refundable(share, kept, "kwd")
        assert back % 10 == 0
        assert back >= min(share, kept)
        kept -= back
        assert kept >= 0


@pytest.mark.parametrize(
    ("asked", "currency", "is_whole", "expected"),
    [
        ("1.234", "kwd", False, 1_230), ("1.235", "kwd", False, 1_240), ("10.50", "isk", False, 1_100),
        ("0.001", "usd", False, 1), ("0.001", "usd", True, 50), ("12345678.90", "usd", True, MINOR_MAX),
        ("999999999", "kwd", False, 99_999_990), ("0.4", "jpy", False, 1), ("1e40", "usd", True, MINOR_MAX),
    ],
)  # fmt: skip
def test_the_nearest_amount_is_found(asked: str, currency: str, expected: int, *, is_whole: bool) -> None:
    assert nearest(Decimal(asked), currency, is_whole=is_whole) == expected


@given(st.decimals(0, 10**12, places=6), st.booleans())
def test_the_nearest_amount_can_be_charged_in_every_currency(asked: Decimal, is_whole: bool) -> None:  # noqa: FBT001
    for currency in CURRENCIES:
        found = nearest(asked, currency, is_whole=is_whole)
        assert found is not None
        assert can_be_charged(found, currency) or (not is_whole and is_amount(found, currency) and found)
    assert nearest(asked, "xyz", is_whole=is_whole) is None
