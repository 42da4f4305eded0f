"""The currencies that Stripe charges in, and which amounts of each.

Source: https://docs.stripe.com/currencies ("Supported presentment currencies", "Minor units in API
amounts", "Special cases", "Minimum and maximum charge amounts"), as it stood in November 2026. The
minimums are Stripe's for an account with payouts in the same currency. With payouts in another, the
amount must also reach that currency's minimum after conversion, which only Stripe can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct


class Currency(Struct, frozen=True):
    digits: int = 2
    """Decimal places of an amount; Stripe counts in units of the last one."""
    step_minor: int = 1
    """Amounts, refunds included, are multiples of this many of Stripe's units."""
    minimum_minor: int = 1
    """The smallest charge."""


_TWO_DECIMALS: Final = """
    usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc
    cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr jmd kes kgs khr kyd kzt
    lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln
    qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah uyu uzs wst xcd xcg yer
    zar zmw
"""
_WHOLE_WITH_TWO_DECIMALS: Final = "isk ugx"
"""Sent with two decimals, which are always 00, for the sake of Stripe's older clients."""
_ZERO_DECIMALS: Final = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
_THREE_DECIMALS: Final = "bhd jod kwd omr tnd"
"""The last one is always 0."""
_MINIMUM_MINOR: Final[Mapping[str, int]] = {
    "usd": 50,
    "aed": 200,
    "aud": 50,
    "bgn": 100,
    "brl": 50,
    "cad": 50,
    "chf": 50,
    "czk": 1500,
    "dkk": 250,
    "eur": 50,
    "gbp": 30,
    "hkd": 400,
    "huf": 17_500,
    "inr": 50,
    "jpy": 50,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "nzd": 50,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "sgd": 50,
    "thb": 1000,
}


def _table() -> Iterator[tuple[str, Currency]]:
    for codes, digits, step in (
        (_TWO_DECIMALS, 2, 1),
        (_WHOLE_WITH_TWO_DECIMALS, 2, 100),
        (_ZERO_DECIMALS, 0, 1),
        (_THREE_DECIMALS, 3, 10),
    ):
        for code in codes.split():
            yield code, Currency(digits, step, _MINIMUM_MINOR.get(code, step))


CURRENCIES: Final[Mapping[str, Currency]] = dict(_table())
"""By lower-case ISO code."""

UNKNOWN: Final = Currency()
"""For reading amounts in a currency that Stripe does not (or no longer) charge in: older releases stored such."""
