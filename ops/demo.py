"""Loads the demo's people and things once, into an empty database."""

from __future__ import annotations

from core.identity.demo_accounts import add_accounts, hashed_passwords, holds_demo
from core.settings import Settings
from core.store.connections.database import connect_lane
from core.store.installation import read_installation
from core.store.maintenance import demo_data


def load(settings: Settings) -> bool:
    """Load the demo data if there is nobody yet; True if it did. The database is marked, also one that had it before."""
    with connect_lane(settings.database_url, "holdfast demo") as connection:
        hashed = hashed_passwords() if demo_data.seems_empty(connection) else {}
        with connection.transaction():
            if not demo_data.is_empty(connection):
                if holds_demo(connection):
                    demo_data.mark(connection)
                return False
            demo_data.mark(connection)
            add_accounts(connection, hashed)
            demo_data.load_catalogue(connection, read_installation(connection).time_zone or settings.time_zone)
    return True
