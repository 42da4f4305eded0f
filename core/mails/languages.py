"""What a mail says in a person's language: sentences from catalogues (gettext), dates and money by CLDR.

A catalogue is a file `catalogues/LANGUAGE/LC_MESSAGES/mails.po`. It is compiled when it is first asked for, so that
nothing has to be built; English is what the templates say themselves.
"""

from __future__ import annotations

import gettext
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from babel.core import Locale
from babel.dates import format_date, format_time, get_timezone_name
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency

from core.domain.payments.money import major
from core.domain.resources.time_zones import zone
from core.mails.language_choice import ENGLISH, LANGUAGES

CATALOGUES = Path(__file__).parent / "catalogues"
DOMAIN = "mails.po"


class Language:
    """One language, as templates use it."""

    def __init__(self, code: str) -> None:
        self.code = code
        self._locale = Locale.parse(code)
        self.direction = "rtl" if self._locale.text_direction == "rtl" else "ltr"
        self.translations = _translations(code)

    def say(self, words: str) -> str:
        return self.translations.gettext(words)

    def day(self, at: datetime, zone_name: str) -> str:
        """`Monday, December 7, 2026`, in a zone."""
        return format_date(at.astimezone(zone(zone_name)), "full", locale=self._locale)

    def clock(self, at: datetime, zone_name: str) -> str:
        """`10:00 AM`, in a zone."""
        return format_time(at, "short", tzinfo=zone(zone_name), locale=self._locale).replace("\u202f", "\u00a0")

    def zone(self, at: datetime, zone_name: str) -> str:
        """`Central European Standard Time`."""
        return get_timezone_name(at.astimezone(zone(zone_name)), "long", locale=self._locale)

    def money(self, amount_minor: int, currency: str) -> str:
        return format_currency(major(amount_minor, currency), currency.upper(), locale=self._locale)


@lru_cache(maxsize=len(LANGUAGES))
def language(code: str) -> Language:
    """The language of a code; English for one that mails are not written in."""
    return Language(code if code in LANGUAGES else ENGLISH)


def _translations(code: str) -> gettext.NullTranslations:
    path = CATALOGUES / code / "LC_MESSAGES" / DOMAIN
    if not path.exists():
        return gettext.NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(path.read_bytes()), locale=code))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
