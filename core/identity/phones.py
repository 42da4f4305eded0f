"""Phone numbers as identities: normalised, so that one person is one user."""

from __future__ import annotations

import re
import unicodedata
from enum import Enum

from core.text_forms import BAD_PHONE

_ALLOWED = re.compile(r"\(?\+?[0-9 ()./-]{3,32}", re.ASCII)
DIGITS_MIN = 3
DIGITS_MAX = 20

_DIRECTIONS = dict.fromkeys(map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
"""Marks of the writing direction: phones and messengers put them around a number that is copied."""
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u30fc"), "-")
_SHORTENED = re.compile(r"\+?[0-9]+([.,][0-9]+)?[Ee]\+?[0-9]+")
_DECIMAL = re.compile(r"\+?[0-9]{4,}[.,](0+|[0-9])")
_ANY_REGION = "US"
"""Extensions are written the same way everywhere."""


class PhoneFault(Enum):
    """Why a text is not accepted as a phone number, in words for its sender."""

    DECIMAL = (
        "A spreadsheet has made a decimal number of this phone number: "
        "format the column as text and send the number without its decimals"
    )
    SHORTENED = (
        "A spreadsheet has shortened this phone number and lost digits: "
        "format the column as text and enter the number again"
    )
    EXTENSION = "A phone number cannot have an extension: send the number alone, and the extension as a note"
    HIDDEN = "This phone number contains an invisible character: type the number again"
    OTHER = BAD_PHONE


def plain_phone(raw: str) -> str:
    """The same number in ASCII as far as possible: other digits, blanks and dashes are replaced."""
    if raw.isascii():
        return raw.strip()
    return "".join(map(_plain, raw.translate(_DIRECTIONS))).translate(_DASHES).strip()


def phone_fault(raw: str) -> PhoneFault | None:
    """What is wrong with it; None if it can be a phone number in some region."""
    text = plain_phone(raw)
    if _DECIMAL.fullmatch(text):
        return PhoneFault.DECIMAL
    if _SHORTENED.fullmatch(text):
        return PhoneFault.SHORTENED
    if _ALLOWED.fullmatch(text):
        return None if DIGITS_MIN <= len(re.sub(r"\D", "", text)) <= DIGITS_MAX else PhoneFault.OTHER
    if any(unicodedata.category(char) == "Cf" for char in text):
        return PhoneFault.HIDDEN
    return PhoneFault.EXTENSION if _has_extension(text) else PhoneFault.OTHER


def phone_words(raw: str) -> str:
    """What is wrong with a text that is not a phone number, as a sentence."""
    return (phone_fault(raw) or PhoneFault.OTHER).value


def phone_key(raw: str, region: str | None) -> str | None:
    """E.164 for a number that is valid as written in `region`, else bare digits.

    None for what is no phone number at all. `region` is an ISO 3166 alpha-2 code; without it, the country
    of a number without a country code is unknown, so all numbers are kept as their digits.
    """
    if phone_fault(raw) is not None:
        return None
    text = plain_phone(raw)
    digits = re.sub(r"\D", "", text)
    if region is None:
        return digits
    import phonenumbers  # noqa: PLC0415 - most processes never read a number of a region

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return digits
    if not phonenumbers.is_valid_number(number):
        return digits
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _plain(char: str) -> str:
    """Digits of other scripts as ASCII ones. A superscript 2 is not a digit: it stays, and is refused."""
    if unicodedata.category(char) == "No":
        return char
    return str(unicodedata.decimal(char, unicodedata.normalize("NFKC", char)))


def _has_extension(text: str) -> bool:
    import phonenumbers  # noqa: PLC0415 - as above

    try:
        return bool(phonenumbers.parse(text, _ANY_REGION).extension)
    except phonenumbers.NumberParseException:
        return False
