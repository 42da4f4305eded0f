"""Money: integers in a currency's smallest unit, decimals only at the edges.

`core.domain.payments.currencies` says which amounts can be charged and refunded in a currency. All prices,
totals, shares and refunds go through this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

from core.domain.payments.currencies import CURRENCIES, UNKNOWN

MINOR_MAX = 99_999_999
"""Stripe's largest charge: eight digits, whatever the currency."""
DIGITS_MAX = 32
"""Of a number that is read as an amount, before and after its decimal point: more than any amount needs."""


def digits(currency: str) -> int:
    """Decimal places of a currency, by its lower-case ISO code."""
    return CURRENCIES.get(currency, UNKNOWN).digits


def minor(amount: Decimal, currency: str) -> int | None:
    """`100.00` usd as 10000; None for what is not an amount of that currency, such as 0.001 usd or 10.50 isk."""
    if not is_bounded(amount) or not 0 <= amount <= MINOR_MAX:
        return None
    whole = int(amount.scaleb(digits(currency)))
    return whole if major(whole, currency) == amount and is_amount(whole, currency) else None


def is_bounded(amount: Decimal) -> bool:
    """Whether it is safe to compute with: finite, and short when written out (`1e999999999` is not)."""
    _, written, exponent = amount.as_tuple()
    return isinstance(exponent, int) and abs(exponent) <= DIGITS_MAX and len(written) <= DIGITS_MAX


def is_amount(amount_minor: int, currency: str) -> bool:
    """Whether it is an amount of the currency: any multiple of its step, 0 included."""
    known = CURRENCIES.get(currency)
    return known is not None and 0 <= amount_minor <= MINOR_MAX and amount_minor % known.step_minor == 0


def nearest(asked: Decimal, currency: str, *, is_whole: bool) -> int | None:
    """The amount above 0 that the currency has and that is nearest, in its minor unit; one that can be charged, if it
    is paid as a whole. None if nothing can be charged in that currency.
    """
    known = CURRENCIES.get(currency)
    if known is None:
        return None
    most = MINOR_MAX - MINOR_MAX % known.step_minor
    if not is_bounded(asked) or asked >= MINOR_MAX:
        return most
    steps = (asked.scaleb(known.digits) / known.step_minor).to_integral_value(ROUND_HALF_UP)
    least = known.minimum_minor if is_whole else known.step_minor
    return max(least, min(int(steps) * known.step_minor, most))


def can_be_charged(amount_minor: int, currency: str) -> bool:
    """Whether Stripe takes a payment of exactly this; False for 0, which needs no payment."""
    return is_amount(amount_minor, currency) and amount_minor >= CURRENCIES[currency].minimum_minor


def minimum_charge(currency: str) -> Decimal:
    """The smallest amount that can be charged."""
    return major(CURRENCIES.get(currency, UNKNOWN).minimum_minor, currency)


def refundable(amount_minor: int, kept_minor: int, currency: str) -> int:
    """An amount rounded up to what can be refunded, but at most what is kept of the payment.

    It is rounded only for shares of older releases, which split without regard for what can be refunded.
    """
    step = CURRENCIES.get(currency, UNKNOWN).step_minor
    return min(-(-amount_minor // step) * step, kept_minor)


def split(amount_minor: int, weights: Sequence[int], currency: str) -> list[int]:
    """An amount in parts by weight, which add up to it and can each be refunded.

    The earlier ones get what does not divide. Parts without any weight at all are equal.
    """
    step = CURRENCIES.get(currency, UNKNOWN).step_minor
    steps, rest = divmod(amount_minor, step)
    weights = weights if any(weights) else [1] * len(weights)
    reached, parts, total = 0, [0], sum(weights)
    for weight in weights:
        reached += weight
        parts.append(-(-steps * reached // total) * step)
    shares = [upper - lower for lower, upper in pairwise(parts)]
    return [shares[0] + rest, *shares[1:]]


def major(amount_minor: int, currency: str) -> Decimal:
    """10000 usd as `100.00`."""
    return Decimal(amount_minor).scaleb(-digits(currency))
