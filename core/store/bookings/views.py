"""Bookings with their people, as lists and feeds deliver them."""

from __future__ import annotations

from typing import Any

from core.domain.values import Booking, User
from core.store.bookings.rows import BOOKING_TYPES, BOOKING_WIDTH, booking_of

VIEW_COLUMNS = f"""{", ".join(f"b.{name}" for name in BOOKING_TYPES)},
       u.id, u.username, u.first_name, u.last_name, coalesce(u.email, u.contact_email), u.phone, u.phone_key, u.gender,
       u.country, u.is_active, u.is_staff, u.is_superuser, u.is_practitioner, u.date_joined"""
"""A booking's columns (`BOOKING_WIDTH` of them), then its user's."""

SQL_VIEWS_BY_ID = f"""
SELECT {VIEW_COLUMNS} FROM booking b JOIN user_account u ON u.id = b.user_id WHERE b.id = ANY(%s)
"""
"""Deleted ones too: the news of a deletion still says whose it was."""

SQL_VIEW = f"""
SELECT {VIEW_COLUMNS} FROM booking b JOIN user_account u ON u.id = b.user_id WHERE b.id = %s AND b.deleted_at IS NULL
"""

SQL_NEWEST_VIEWS = f"""
SELECT {VIEW_COLUMNS} FROM booking b JOIN user_account u ON u.id = b.user_id
WHERE b.listed_as IS NOT NULL ORDER BY b.id DESC LIMIT %s
"""


def view_of(row: tuple[Any, ...]) -> tuple[Booking, User]:
    return booking_of(row[:BOOKING_WIDTH]), User(*row[BOOKING_WIDTH:])
