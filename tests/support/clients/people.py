"""People whom staff make and change, through the API."""

from __future__ import annotations

import secrets
from itertools import count
from typing import Any

import httpx

USERS = "/api/admin/users/"
_numbers = count(5_700_000)
"""Each process of the tests has databases of its own, which its stacks do not share with another."""


def make_user(staff: httpx.Client, **body: Any) -> dict[str, Any]:
    """As the API shows them; with a username of their own unless told."""
    answer = staff.post(f"{USERS}create/", json={"username": f"u{secrets.token_hex(6)}", **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["data"]
    return made


def free_phone() -> str:
    """A number that nobody has, of ten digits.

    Counted, not drawn: of forty numbers drawn from ten thousand, two are equal in one run of thirteen, and then one
    person books twice.
    """
    return f"202{next(_numbers)}"
