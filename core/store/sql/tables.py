"""The tables that composed queries read, for SQLAlchemy; the migrations are what makes them.

Hot statements (inbox, batches, feed) are written as SQL where they are used.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    MetaData,
    Select,
    SmallInteger,
    Table,
    Text,
    Time,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import make_url

metadata = MetaData()

_DIALECT = make_url("postgresql+psycopg://").get_dialect()()
_instant = DateTime(timezone=True)

user_account = Table(
    "user_account",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("username", Text, nullable=False),
    Column("username_key", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("phone_key", Text),
    Column("email", Text),
    Column("email_key", Text),
    Column("contact_email", Text, nullable=False),
    Column("first_name", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    Column("gender", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("country_code", Text),
    Column("is_active", Boolean, nullable=False),
    Column("is_staff", Boolean, nullable=False),
    Column("is_superuser", Boolean, nullable=False),
    Column("is_practitioner", Boolean, nullable=False),
    Column("password_hash", Text),
    Column("auth_epoch", Integer, nullable=False),
    Column("date_joined", _instant, nullable=False),
    Column("last_login", _instant),
    Column("anonymised_at", _instant),
    Column("shown_email", Text, nullable=False),
    Column("gender_key", Text, nullable=False),
    Column("country_key", Text, nullable=False),
    Column("search_text", Text, nullable=False),
    Column("words", Text),
)

user_count = Table(
    "user_count",
    metadata,
    Column("is_active", Boolean, nullable=False),
    Column("is_staff", Boolean, nullable=False),
    Column("is_superuser", Boolean, nullable=False),
    Column("gender_key", Text, nullable=False),
    Column("country_code", Text, nullable=False),
    Column("people", BigInteger, nullable=False),
)
"""A view: add up what it has."""

resource = Table(
    "resource",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=False),
)

booking_settings = Table(
    "booking_settings",
    metadata,
    Column("one", Boolean, primary_key=True),
    Column("working_hours_start", SmallInteger, nullable=False),
    Column("working_hours_end", SmallInteger, nullable=False),
    Column("duration_minutes", Integer, nullable=False),
    Column("off_days", ARRAY(SmallInteger), nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("updated_at", _instant, nullable=False),
)

service = Table(
    "service",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("resource_id", BigInteger, nullable=False),
    Column("duration_minutes", Integer),
    Column("price_cents", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("is_active", Boolean, nullable=False),
)

category = Table(
    "category",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("resource_id", BigInteger, nullable=False),
)

time_slot = Table(
    "time_slot",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("category_id", BigInteger, nullable=False),
    Column("starts_at", _instant, nullable=False),
    Column("ends_at", _instant, nullable=False),
    Column("created_at", _instant, nullable=False),
    Column("deleted_at", _instant),
)

booking = Table(
    "booking",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("public_uuid", Uuid, nullable=False),
    Column("contract", Text, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("service_id", BigInteger),
    Column("service_name", Text, nullable=False),
    Column("resource_id", BigInteger, nullable=False),
    Column("starts_at", _instant, nullable=False),
    Column("ends_at", _instant, nullable=False),
    Column("local_date", Date, nullable=False),
    Column("local_time", Time, nullable=False),
    Column("duration_minutes", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("payment_status", Text, nullable=False),
    Column("notes", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("command_id", Uuid, nullable=False),
    Column("created_at", _instant, nullable=False),
    Column("updated_at", _instant, nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("hold_expires_at", _instant),
    Column("hold_extended", Boolean, nullable=False),
    Column("details", JSONB),
    Column("time_slot_id", BigInteger),
    Column("deleted_at", _instant),
    Column("listed_as", Text),
    Column("category_id", BigInteger),
)

booking_count = Table(
    "booking_count",
    metadata,
    Column("local_date", Date, nullable=False),
    Column("listed_as", Text, nullable=False),
    Column("bookings", BigInteger, nullable=False),
)
"""A view: add up what it has."""


def text_of(statement: Select[Any]) -> str:
    """A statement that never changes, as psycopg runs it: bound values are `%(name)s`."""
    return str(statement.compile(dialect=_DIALECT))
