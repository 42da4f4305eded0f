"""What an account goes by: a username that is a phone number is the account's own, so that one number is one person."""

from __future__ import annotations

from msgspec import Struct

from core.identity.phones import phone_key
from core.identity.usernames import as_username, number_in, username_key
from core.store.lists.people import Person


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
    """What is sent, on top of what is there; somebody who goes by their number goes by the new one.

    Raises `NotOneNumberError`.
    """
    if phone is not None and username is None and number_in(present.username, region) is not None:
        if not phone:
            raise NotOneNumberError
        username = phone
    if username is not None and phone is None and number_in(username, region) is not None:
        phone = username
    return names(present.username if username is None else username, present.phone if phone is None else phone, region)
