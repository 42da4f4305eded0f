"""People whom staff make and change, through the API."""

from __future__ import annotations

import secrets
from typing import Any

import httpx

USERS = "/api/admin/users/"


def make_user(staff: httpx.Client, **body: Any) -> dict[str, Any]:
    """As the API shows them; with a username of their own unless told."""
    answer = staff.post(f"{USERS}create/", json={"username": f"u{secrets.token_hex(6)}", **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["data"]
    return made


def free_phone() -> str:
    """A number that nobody has."""
    return f"5{secrets.randbelow(10**9):09}"
