"""What the bookings of a benchmark need: services with resources of their own, and users."""

from __future__ import annotations

import json
import urllib.request

from core.identity.demo_accounts import STAFF
from core.store.connections.database import connect_lane

SERVICES = 200
USERS = 1000
FIRST_USER = 1001
"""As in book.lua."""
PHONES = "555000"
"""What a user's phone number begins with; the id follows."""

SQL_SEED = (
    "UPDATE booking_settings SET off_days = '{}'",
    f"""
    INSERT INTO resource (id, kind, name, zone)
    SELECT 1000 + n, 'service', 'Bench resource ' || n, 'Europe/Berlin' FROM generate_series(0, {SERVICES - 1}) AS n
    """,
    f"""
    INSERT INTO service (id, name, name_key, resource_id)
    SELECT 1000 + n, 'Bench service ' || n, 'bench service ' || n, 1000 + n FROM generate_series(0, {SERVICES - 1}) AS n
    """,
    f"""
    INSERT INTO user_account (id, username, username_key, phone, phone_key)
    SELECT n, 'bench' || n, 'bench' || n, '{PHONES}' || n, '{PHONES}' || n FROM generate_series({FIRST_USER}, {FIRST_USER + USERS - 1}) AS n
    """,
)


def seed(database_url: str) -> None:
    with connect_lane(database_url, "holdfast bench") as connection, connection.transaction():
        for statement in SQL_SEED:
            connection.execute(statement.encode())


def analyze(database_url: str) -> None:
    """As on a database that has been up for a while."""
    with connect_lane(database_url, "holdfast bench") as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute("SET transaction_timeout = 0")
        connection.execute("VACUUM ANALYZE")


def access_token(api_url: str) -> str:
    """A login of the demo's staff member, who books for others."""
    body = json.dumps({"username": STAFF.username, "password": STAFF.password}).encode()
    request = urllib.request.Request(f"{api_url}/api/login/", body, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own stack
        return str(json.load(answer)["access"])
