"""Money: integers in a currency's smallest unit, decimals only at the edges.

How many digits a currency has is Stripe's table ("Zero-decimal currencies", "Three-decimal
currencies" in its documentation), since that is who counts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

MINOR_MAX = 99_999_999
"""Stripe's largest charge: eight digits, whatever the currency."""

_WITHOUT_MINOR = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf")
)
_WITH_THOUSANDTHS = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))


def digits(currency: str) -> int:
    """Decimal places of a currency, by its lower-case ISO code."""
    if currency in _WITHOUT_MINOR:
        return 0
    return 3 if currency in _WITH_THOUSANDTHS else 2


def minor(amount: Decimal, currency: str) -> int | None:
    """`100.00` usd as 10000; None for what is no amount of that currency, such as 0.001 usd."""
    if not amount.is_finite() or abs(amount) > MINOR_MAX:
        return None
    whole = int(amount.scaleb(digits(currency)))
    return whole if 0 <= whole <= MINOR_MAX and major(whole, currency) == amount else None


def split(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """An amount in parts by weight that add up to it; the earlier ones get what does not divide.

    Parts without any weight at all are equal.
    """
    weights = weights if any(weights) else [1] * len(weights)
    reached, parts, total = 0, [0], sum(weights)
    for weight in weights:
        reached += weight
        parts.append(-(-amount_minor * reached // total))
    return [upper - lower for lower, upper in pairwise(parts)]


def major(amount_minor: int, currency: str) -> Decimal:
    """10000 usd as `100.00`."""
    return Decimal(amount_minor).scaleb(-digits(currency))
