"""The tables that composed statements read, for SQLAlchemy: columns and types. The migrations make them; a test compares.

Other tables, and columns that no composed statement names, are not described: a statement that never changes names
its columns itself, and fails in its test if they do not exist.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    Time,
    Uuid,
    bindparam,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.engine import make_url
from sqlalchemy.types import TypeEngine

from core.store.bookings.rows import BOOKING_TYPES

DIALECT = make_url("postgresql+psycopg://").get_dialect()()
TYPES: dict[str, TypeEngine[Any]] = {
    "bigint": BigInteger(),
    "boolean": Boolean(),
    "date": Date(),
    "integer": Integer(),
    "jsonb": JSONB(),
    "text": Text(),
    "text[]": ARRAY(Text()),
    "time": Time(),
    "timestamptz": DateTime(timezone=True),
    "uuid": Uuid(),
}
"""By PostgreSQL's name."""

metadata = MetaData()


def bound(name: str, type_: str) -> BindParameter[Any]:
    """A value that is given when the statement is run."""
    return bindparam(name, type_=TYPES[type_])


def _table(name: str, /, **columns: str) -> Table:
    return Table(name, metadata, *(Column(column, TYPES[type_]) for column, type_ in columns.items()))


user_account = _table(
    "user_account",
    id="bigint",
    username="text",
    username_key="text",
    phone="text",
    email="text",
    first_name="text",
    last_name="text",
    gender="text",
    country="text",
    country_code="text",
    is_active="boolean",
    is_staff="boolean",
    is_superuser="boolean",
    is_practitioner="boolean",
    date_joined="timestamptz",
    last_login="timestamptz",
    anonymised_at="timestamptz",
    shown_email="text",
    gender_key="text",
    country_key="text",
    words="text",
)
user_count = _table(
    "user_count",
    is_active="boolean",
    is_staff="boolean",
    is_superuser="boolean",
    gender_key="text",
    country_code="text",
    people="bigint",
)
"""A view: add up what it has."""
booking = _table("booking", **BOOKING_TYPES, deleted_at="timestamptz", listed_as="text", category_id="bigint")
booking_count = _table("booking_count", local_date="date", listed_as="text", bookings="bigint")
"""A view: add up what it has."""
marketplace_booking = _table(
    "marketplace_booking",
    booking_id="bigint",
    user_id="bigint",
    practitioner_id="bigint",
    service_id="bigint",
    kind="text",
    status="text",
    payment_status="text",
    starts_at="timestamptz",
    price_minor="bigint",
    created_at="timestamptz",
    words="text",
)
resource = _table("resource", id="bigint")
category = _table("category", id="bigint", resource_id="bigint", name_folded="text")
time_slot = _table(
    "time_slot",
    id="bigint",
    category_id="bigint",
    starts_at="timestamptz",
    ends_at="timestamptz",
    deleted_at="timestamptz",
)
payment = _table(
    "payment",
    id="uuid",
    booking_id="bigint",
    attempt="integer",
    state="text",
    currency="text",
    amount_minor="bigint",
    received_minor="bigint",
    refunded_minor="bigint",
    returning_minor="bigint",
    owed_minor="bigint",
    failed_minor="bigint",
    intent_id="text",
    refund_id="text",
    decline="text",
    refund_reason="text",
    parked_at="timestamptz",
    problem="text",
    created_at="timestamptz",
    updated_at="timestamptz",
    compared_at="timestamptz",
    provider_received_minor="bigint",
    provider_refunded_minor="bigint",
    differs_since="timestamptz",
)
audit_entry = _table(
    "audit_entry",
    id="bigint",
    at="timestamptz",
    actor_kind="text",
    actor="text",
    action="text",
    subject="text",
    also="text[]",
    before="jsonb",
    after="jsonb",
    address="text",
    request_id="text",
    command_id="uuid",
)
audit_person = _table(
    "audit_person",
    id="bigint",
    entry_id="bigint",
    user_id="bigint",
    address="text",
    request_id="text",
    before="jsonb",
    after="jsonb",
)


def text_of(statement: Select[Any]) -> str:
    """A statement that never changes, as psycopg runs it: bound values are `%(name)s`."""
    return str(statement.compile(dialect=DIALECT))
