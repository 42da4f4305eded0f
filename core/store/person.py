"""A person as staff see them: in lists (`core/store/lists/people.py`), on their own page, locked for a change."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class Person(Struct, frozen=True):
    """An account without its credentials."""

    id: int
    username: str
    first_name: str
    last_name: str
    email: str
    """The login address, else the contact address that an agent gave, else empty."""
    phone: str
    gender: str
    country: str
    country_code: str | None
    is_active: bool
    is_staff: bool
    is_superuser: bool
    is_practitioner: bool
    email_is_login: bool
    date_joined: datetime
    last_login: datetime | None
    is_anonymised: bool


_SHOWN_AS = {
    "email": "shown_email AS email",
    "email_is_login": "email IS NOT NULL AS email_is_login",
    "is_anonymised": "anonymised_at IS NOT NULL AS is_anonymised",
}
_COLUMNS = ", ".join(_SHOWN_AS.get(name, name) for name in Person.__struct_fields__)
SQL_PERSON = f"SELECT {_COLUMNS} FROM user_account WHERE id = %(id)s"
"""For one account, by `id`."""
