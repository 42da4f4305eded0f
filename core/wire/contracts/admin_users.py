"""People as the admin desk sees them, in lists, details and answers to changes."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from core.store.person import Person
from core.wire.vocabulary import Micros, micros


class AdminUser(Struct, frozen=True, kw_only=True):
    """`user_details` of the admin shape, and what staff manage. `email_is_login` tells an agent's contact from a login."""

    id: int
    username: str
    first_name: str
    last_name: str
    email: str
    email_is_login: bool
    phone: str
    gender: str
    country: str
    country_code: str | None
    is_active: bool
    is_staff: bool
    is_superuser: bool
    is_practitioner: bool
    is_anonymised: bool
    date_joined: Micros
    last_login: Micros | None


def admin_user(person: Person) -> AdminUser:
    return AdminUser(**admin_fields(person))


def admin_fields(person: Person) -> dict[str, Any]:
    """The fields of `AdminUser`."""
    return {
        "id": person.id,
        "username": person.username,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "email_is_login": person.email_is_login,
        "phone": person.phone,
        "gender": person.gender,
        "country": person.country,
        "country_code": person.country_code,
        "is_active": person.is_active,
        "is_staff": person.is_staff,
        "is_superuser": person.is_superuser,
        "is_practitioner": person.is_practitioner,
        "is_anonymised": person.is_anonymised,
        "date_joined": micros(person.date_joined),
        "last_login": person.last_login and micros(person.last_login),
    }
