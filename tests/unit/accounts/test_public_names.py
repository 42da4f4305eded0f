"""What the public is shown of people who gave no name: nothing that says how to reach them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.identity.account_names import NAMELESS, public_name
from core.store.person import Person


def person(username: str, first_name: str = "", last_name: str = "") -> Person:
    return Person(
        id=1,
        username=username,
        first_name=first_name,
        last_name=last_name,
        email="",
        phone="",
        gender="",
        country="",
        country_code=None,
        is_active=True,
        is_staff=False,
        is_superuser=False,
        is_practitioner=False,
        email_is_login=False,
        date_joined=datetime(2026, 1, 1, tzinfo=UTC),
        last_login=None,
        is_anonymised=False,
    )


@pytest.mark.parametrize("username", ["zoe@example.org", "2025550123", "+44 20 7946 0018"])
def test_an_address_or_a_number_is_not_shown(username: str) -> None:
    assert public_name(person(username), "US") == NAMELESS


def test_a_name_is_shown_and_else_a_username() -> None:
    assert public_name(person("zoe@example.org", "Zoe", "Young"), "US") == "Zoe Young"
    assert public_name(person("zoe"), "US") == "zoe"
