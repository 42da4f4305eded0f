"""An account as staff see it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class Person(Struct, frozen=True):
    """No credentials. In lists, on its own page, locked for a change."""

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
