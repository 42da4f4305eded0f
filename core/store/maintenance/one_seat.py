"""One seat of a session for one person: a unique index, built as soon as no person has two.

Earlier releases could give a person two seats. Staff must decide which one goes, so `migrate` logs them, continues
without the index, and builds it in a later run, once they are gone.
"""

from __future__ import annotations

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

log = structlog.get_logger()

NAMED_MAX = 20
"""How many doubled seats are logged; the view `doubled_seat` has all."""
INDEX = "marketplace_booking_one_seat"
_SQL_IS_VALID = f"SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{INDEX}')"
_SQL_DOUBLED = "SELECT session_id, user_id, booking_ids FROM doubled_seat ORDER BY session_id, user_id"
_SQL_DROP = f"DROP INDEX CONCURRENTLY IF EXISTS {INDEX}"
_SQL_MAKE = f"""
CREATE UNIQUE INDEX CONCURRENTLY {INDEX} ON marketplace_booking (session_id, user_id)
WHERE session_id IS NOT NULL AND status NOT IN ('draft', 'cancelled', 'expired')
"""


def guard_seats(engine: Engine) -> bool:
    """Build the index unless it exists; False if a person has two seats.

    It is built concurrently, so that bookings continue. A failed attempt leaves an invalid index.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.execute(text(_SQL_IS_VALID)).scalar():
            return True
        connection.execute(text(_SQL_DROP))
        if _log_doubled(connection):
            return False
        try:
            connection.execute(text(_SQL_MAKE))
        except IntegrityError:  # a person got a second seat meanwhile
            connection.execute(text(_SQL_DROP))
            _log_doubled(connection)
            return False
        return True


def _log_doubled(connection: Connection) -> bool:
    """Whether a person has two seats; then the log names them."""
    doubled = connection.execute(text(_SQL_DOUBLED)).all()
    if doubled:
        found = [{"session": row[0], "user": row[1], "bookings": row[2]} for row in doubled[:NAMED_MAX]]
        log.error("people have two seats of one session", count=len(doubled), found=found)
    return bool(doubled)
