"""Phone numbers as identities: normalised, so that one person is one user."""

from __future__ import annotations

import re

import phonenumbers

_ALLOWED = re.compile(r"\(?\+?[0-9 ()./-]{3,32}", re.ASCII)
DIGITS_MIN = 3
DIGITS_MAX = 20


def phone_key(raw: str, region: str | None) -> str | None:
    """E.164 for a number that is valid as written in `region`, else bare digits.

    None for what is no phone number at all. `region` is an ISO 3166 alpha-2 code; without one nobody
    knows which country a number without its code belongs to, so all of them are kept as their digits.
    """
    if not _ALLOWED.fullmatch(raw.strip()):
        return None
    digits = re.sub(r"\D", "", raw)
    if not DIGITS_MIN <= len(digits) <= DIGITS_MAX:
        return None
    if region is None:
        return digits
    try:
        number = phonenumbers.parse(raw, region)
    except phonenumbers.NumberParseException:
        return digits
    if not phonenumbers.is_valid_number(number):
        return digits
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
