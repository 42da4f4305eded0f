"""Usernames: how they are stored, and what they are found by."""

from __future__ import annotations

import unicodedata

from core.domain.names import folded, without_invisible
from core.identity.phones import phone_key


def as_username(text: str) -> str:
    """A username as it is checked and stored: full-width letters, ligatures, blanks and dashes as everybody types them."""
    if text.isascii():
        return " ".join(text.split())
    return " ".join(map(_plain_dashes, unicodedata.normalize("NFKC", text).split()))


def username_key(username: str) -> str:
    """What two usernames share when they are the same one."""
    return folded(as_username(username))


def username_keys(username: str, region: str | None) -> list[str]:
    """Under which keys an account may be found by this name, in the order in which they are asked.

    By its name; by the phone number that it is (people whom agents make known are named by theirs); by the key that
    releases before migration 0030 gave it, which kept dashes, several blanks and characters that cannot be seen. That
    one comes first where today's rule gives it to no name: only an account of theirs can have it, and somebody else
    may have today's by now.
    """
    key, before = username_key(username), unicodedata.normalize("NFKC", username.strip()).casefold()
    keys = [key, number_in(username, region) or key]
    return list(dict.fromkeys([*keys, before] if username_key(before) == before else [before, *keys]))


def number_in(username: str, region: str | None = None) -> str | None:
    """The key of the phone number that a username is, in whatever digits it is written; None if it is none."""
    return phone_key(without_invisible(as_username(username)), region)


def _plain_dashes(word: str) -> str:
    return "".join("-" if unicodedata.category(char) == "Pd" else char for char in word)
