"""What the sender of webhooks reads and writes: whom to tell, with which secrets, and whom to tell no more."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct

from core.domain.values import Booking, User
from core.store.bookings.rows import SQL_VIEWS_BY_ID, view_of
from core.store.connections.database import Connection, database_now
from core.store.feed_events import SQL_EVENTS, event_parameters, told_by_itself
from core.store.webhooks.endpoints import SENDER, SQL_DISABLE

STAFF_TOLD_MAX = 20

SQL_WANTING = "SELECT id, event_types FROM webhook_endpoint WHERE disabled_at IS NULL ORDER BY id"
SQL_RECEIVER = """
SELECT url, disabled_at IS NOT NULL, sealed_secret, CASE WHEN previous_until > clock_timestamp() THEN sealed_previous END
FROM webhook_endpoint WHERE id = %s
"""
SQL_IS_FAILING = """
SELECT EXISTS (SELECT FROM delivery_receiver
               WHERE sender = %s AND receiver = %s AND failing_since <= clock_timestamp() - make_interval(secs => %s))
"""
_MAILED = "(is_staff OR is_superuser) AND is_active AND email IS NOT NULL AND email <> ''"
SQL_STAFF = f"SELECT id FROM user_account WHERE {_MAILED} ORDER BY is_superuser DESC, id LIMIT %s"
SQL_ADDRESS = f"SELECT email FROM user_account WHERE {_MAILED} AND id = %s"


class Receiver(Struct, frozen=True):
    """An endpoint, as an attempt needs it."""

    url: str
    is_disabled: bool
    sealed_secret: str
    sealed_previous: str | None
    """None: there is none that signs too."""


def endpoints_wanting(connection: Connection) -> list[tuple[int, Sequence[str]]]:
    """(id, event types) of those that are enabled."""
    return [(row[0], row[1]) for row in connection.execute(SQL_WANTING).fetchall()]


def receiver(connection: Connection, endpoint_id: int) -> Receiver | None:
    """None for one that was deleted."""
    row = connection.execute(SQL_RECEIVER, (endpoint_id,)).fetchone()
    return Receiver(*row) if row else None


def booking_views(connection: Connection, booking_ids: Collection[int]) -> dict[int, tuple[Booking, User]]:
    """Bookings with their users, even deleted ones; those of which nothing is kept are missing."""
    if not booking_ids:
        return {}
    views = [view_of(row) for row in connection.execute(SQL_VIEWS_BY_ID, (list(booking_ids),)).fetchall()]
    return {view[0].id: view for view in views}


def is_failing_for(connection: Connection, endpoint_id: int, seconds: float) -> bool:
    """Whether nothing has arrived for so long, though it was tried."""
    row = connection.execute(SQL_IS_FAILING, (SENDER, str(endpoint_id), seconds)).fetchone()
    return bool(row and row[0])


def disable(connection: Connection, endpoint_id: int, why: str) -> bool:
    """Whether it was enabled until now."""
    return connection.execute(SQL_DISABLE, {"id": endpoint_id, "why": why}).rowcount == 1


def tell_feed(connection: Connection, type_: str, endpoint_id: int, why: str) -> None:
    """An event of the feed, which the relay numbers as any. In the transaction that disables."""
    row = told_by_itself(type_, {"id": endpoint_id, "reason": why})
    connection.execute(SQL_EVENTS, event_parameters([row], database_now(connection)))


def staff_to_mail(connection: Connection) -> list[int]:
    """The ids of those who are mailed when something needs a person: superusers first."""
    return [row[0] for row in connection.execute(SQL_STAFF.encode(), (STAFF_TOLD_MAX,)).fetchall()]


def address_of_staff(connection: Connection, user_id: int) -> str | None:
    """None for somebody who is no staff any more, or has no address."""
    row = connection.execute(SQL_ADDRESS.encode(), (user_id,)).fetchone()
    return row[0] if row else None
