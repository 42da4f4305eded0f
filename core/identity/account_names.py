"""What an account goes by: how names and addresses are stored, and what they are found by.

A username that is a phone number is the account's own phone, so that one number is one person.
"""

from __future__ import annotations

import unicodedata

from msgspec import Struct

from core.domain.names import folded, without_invisible
from core.identity.phones import phone_key
from core.store.person import Person

NAMELESS = "Practitioner"
"""Of people who gave no name, and whose username says how to reach them."""


def as_username(text: str) -> str:
    """A username as it is checked and stored: full-width letters, ligatures, blanks and dashes as everybody types them."""
    if text.isascii():
        return " ".join(text.split())
    return " ".join(map(_plain_dashes, unicodedata.normalize("NFKC", text).split()))


def username_key(username: str) -> str:
    """The same for two usernames that are one name."""
    return folded(as_username(username))


def username_keys(username: str, region: str | None) -> list[str]:
    """The keys that an account of this name may have, in the order in which they are tried.

    By its name; by the phone number that it is (people whom agents make known are named by theirs); by the key that
    releases before migration 0030 gave it, which kept dashes, several blanks and characters that cannot be seen. That
    one comes first where today's rule gives it to no name: only an account of theirs can have it, and somebody else
    may have today's by now. Last comes what a spreadsheet made of a number before such numbers were refused
    (`2025550123.0`): whoever was made known by it types the number.
    """
    key, before = username_key(username), unicodedata.normalize("NFKC", username.strip()).casefold()
    keys = [key, number_in(username, region) or key]
    if key.isdecimal() and key.isascii():
        keys.append(f"{key}.0")
    return list(dict.fromkeys([*keys, before] if username_key(before) == before else [before, *keys]))


def number_in(username: str, region: str | None = None) -> str | None:
    """The key of the phone number that a username is, in whatever digits it is written; None if it is none."""
    return phone_key(without_invisible(as_username(username)), region)


def public_name(person: Person, region: str | None) -> str:
    """What the public is shown: the name, else the username, unless that is an address or a phone number."""
    name = f"{person.first_name} {person.last_name}".strip()
    is_contact = "@" in person.username or number_in(person.username, region) is not None
    return name or (NAMELESS if is_contact else person.username)


def _plain_dashes(word: str) -> str:
    return "".join("-" if unicodedata.category(char) == "Pd" else char for char in word)


def email_key(email: str) -> str:
    """The same for two login addresses that are one."""
    return email.strip().lower()


class Names(Struct, frozen=True):
    username: str
    username_key: str
    phone: str
    phone_key: str | None


class NotOneNumberError(Exception):
    """The username is one phone number and `phone` another, or none."""


def names(username: str, phone: str, region: str | None) -> Names:
    """A username that is a number brings the phone along. Raises `NotOneNumberError`."""
    username = as_username(username)
    own, number = number_in(username, region), phone_key(phone, region)
    if own is None:
        return Names(username, username_key(username), phone, number)
    if phone and number != own:
        raise NotOneNumberError
    return Names(username, own, phone or username, own)


def renamed(present: Person, username: str | None, phone: str | None, region: str | None) -> Names:
    """The present names with what was sent; an account named by its number is named by the new one.

    Raises `NotOneNumberError`.
    """
    if phone is not None and username is None and number_in(present.username, region) is not None:
        if not phone:
            raise NotOneNumberError
        username = phone
    if username is not None and phone is None and number_in(username, region) is not None:
        phone = username
    return names(present.username if username is None else username, present.phone if phone is None else phone, region)
