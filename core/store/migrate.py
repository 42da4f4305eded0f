"""Bring the database to this release: schema, lane count, desk, partitions."""

from __future__ import annotations

from pathlib import Path

import psycopg
import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from core.settings import Settings
from core.store.database import MIGRATE_LIMITS
from core.store.engines import engine
from core.store.lanes import LANE_SPACE
from core.store.one_seat import guard_seats
from core.store.partitions import ensure

log = structlog.get_logger()

_MIGRATE_LOCK = 0x484F4C44
"""Two migrates at once take turns under this advisory lock."""

_DESK = """
INSERT INTO resource (id, kind, name, zone)
SELECT nextval(pg_get_serial_sequence('resource', 'id')), 'desk', 'desk', :zone
WHERE NOT EXISTS (SELECT FROM resource WHERE kind = 'desk')
"""


def upgrade(settings: Settings) -> None:
    """Safe to run at every start and by several processes at once."""
    migrating = engine(settings.database_url, MIGRATE_LIMITS, "holdfast migrate")
    try:
        with migrating.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATE_LOCK})
            connection.commit()
            _migrate(connection)
            _settle(connection, settings)
            guard_seats(migrating)
    finally:
        migrating.dispose()  # closing the session gives the advisory lock back


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    if _is_newer(connection, ScriptDirectory.from_config(config)):
        log.warning("the database is of a newer release, which only added to it: nothing to migrate")
        return
    command.upgrade(config, "head")
    connection.commit()


def _is_newer(connection: Connection, known: ScriptDirectory) -> bool:
    """Whether its revision is none of ours: a release after this one was here, and this one has come back."""
    present = MigrationContext.configure(connection).get_current_revision()
    connection.commit()
    return present is not None and present not in {script.revision for script in known.walk_revisions()}


def _settle(connection: Connection, settings: Settings) -> None:
    connection.execute(text(_DESK), {"zone": settings.time_zone})
    connection.commit()
    _make_partitions(connection)
    set_lanes(connection, settings.lanes)


def _make_partitions(connection: Connection) -> None:
    """Without them outcomes go into the default partition, where the sweep finds them: no reason not to start."""
    try:
        ensure(connection.connection.driver_connection)  # type: ignore[arg-type]  # psycopg's, by the URL
    except psycopg.Error as problem:
        log.warning("the outcomes' partitions cannot be made now", problem=repr(problem))
        connection.rollback()


def set_lanes(connection: Connection, lanes: int) -> None:
    """Change LANES and move waiting commands to their new lane, in one transaction.

    The table lock waits for inserts under way and holds up new ones (they read `lanes` in
    their own statement, after it), so no command is left behind in a lane of the old count.
    Every old lane's lock is taken first: no batch is being decided while its commands move.
    """
    before = connection.execute(text("SELECT lanes FROM installation")).scalar_one()
    if before == lanes:
        connection.commit()
        return
    for lane in range(max(before, lanes)):
        connection.execute(text("SELECT pg_advisory_xact_lock(:space, :lane)"), {"space": LANE_SPACE, "lane": lane})
    connection.execute(text("LOCK TABLE inbox IN SHARE ROW EXCLUSIVE MODE"))
    connection.execute(text("UPDATE installation SET lanes = :lanes"), {"lanes": lanes})
    connection.execute(
        text("UPDATE inbox SET lane = mod(slot_crc, :lanes) WHERE lane <> mod(slot_crc, :lanes)"), {"lanes": lanes}
    )
    connection.execute(text("DELETE FROM lane_note"))
    connection.commit()
