"""From where somebody calls, and by what name, as limits count it."""

from __future__ import annotations

import hashlib

from falcon.asgi import Request

from core.client_addresses import subscriber_of
from core.identity.usernames import number_in, username_key


def caller(req: Request) -> str:
    """The client's IPv4 address, or its IPv6 network; what is neither, as it is."""
    return subscriber_of(req.context.address)


def normalised_name(typed: str, region: str | None) -> str:
    """What all spellings of one name share: blanks, case and compatibility forms make no other name.

    It depends on nothing but what was typed, so that a count tells nobody whether the name is known.
    """
    return number_in(typed, region) or username_key(typed)


def counter_key(typed: str, region: str | None) -> str:
    """`normalised_name` as counters in Redis hold it: nobody's name or address is in their keys."""
    return hashlib.sha256(normalised_name(typed, region).encode("utf-8", "replace")).hexdigest()
