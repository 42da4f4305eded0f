"""Countries as ISO 3166-1 lists them, and what people write when they mean one."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import pycountry
from msgspec import Struct

from core.domain.names import folded

_EVERYDAY = {
    "america": "US",
    "bolivia": "BO",
    "brunei": "BN",
    "burma": "MM",
    "cape verde": "CV",
    "czech republic": "CZ",
    "democratic republic of the congo": "CD",
    "dr congo": "CD",
    "east timor": "TL",
    "england": "GB",
    "great britain": "GB",
    "holland": "NL",
    "iran": "IR",
    "ivory coast": "CI",
    "ksa": "SA",
    "laos": "LA",
    "macau": "MO",
    "macedonia": "MK",
    "moldova": "MD",
    "north korea": "KP",
    "northern ireland": "GB",
    "palestine": "PS",
    "republic of the congo": "CG",
    "russia": "RU",
    "scotland": "GB",
    "south korea": "KR",
    "swaziland": "SZ",
    "syria": "SY",
    "taiwan": "TW",
    "tanzania": "TZ",
    "the gambia": "GM",
    "the netherlands": "NL",
    "turkey": "TR",
    "uae": "AE",
    "uk": "GB",
    "united states of america": "US",
    "usa": "US",
    "vatican": "VA",
    "venezuela": "VE",
    "vietnam": "VN",
    "wales": "GB",
}
"""Names that people use and the standard does not list."""


class Country(Struct, frozen=True):
    code: str
    """Alpha-2."""
    code_3: str
    name: str
    """The everyday one, where the standard's is inverted or long."""


@lru_cache(maxsize=1)
def countries() -> tuple[Country, ...]:
    """All of them, by name. The first call reads the library's data: some tens of milliseconds."""
    found = (Country(c.alpha_2, c.alpha_3, getattr(c, "common_name", c.name)) for c in pycountry.countries)
    return tuple(sorted(found, key=lambda country: _plain(country.name)))


def _plain(name: str) -> str:
    """As people look it up: Åland among the As."""
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()


def country_code(text: str) -> str | None:
    """The alpha-2 code of what somebody wrote: a code or a name in English, however it is written. None for no country."""
    return _codes().get(folded(text.replace(".", "")))


@lru_cache(maxsize=1)
def _codes() -> dict[str, str]:
    codes = dict(_EVERYDAY)
    for c in pycountry.countries:
        names = (c.alpha_2, c.alpha_3, c.name, getattr(c, "common_name", c.name), getattr(c, "official_name", c.name))
        codes.update({folded(name.replace(".", "")): c.alpha_2 for name in names})
    return codes
