"""Bring the database to this release: schema, lane count, desk, partitions."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psycopg
import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from core.settings import FIRST_LANES, Settings
from core.store.audit import AuditEntry, Author, change_of, record
from core.store.connections.database import MIGRATE_LIMITS
from core.store.connections.sqlalchemy_engines import engine
from core.store.inbox.lane_batches import LANE_SPACE
from core.store.installation import SUBJECT, keep_time_zone
from core.store.maintenance.one_seat import guard_seats
from core.store.maintenance.partitions import ensure
from core.store.maintenance.wall_times.upgrade import keep_wall_times

log = structlog.get_logger()

_MIGRATE_LOCK = 0x484F4C44
"""Held by a `migrate` while it runs, so that a second one waits."""

LOCK_WAIT_S = 1.0
"""Others queue behind a transaction that waits for a table's lock, so it gives up soon and tries again."""
LOCK_TRIES = 60
LOCK_PAUSE_S = 0.5
"""Lets the queued ones pass."""
IN_THE_WAY = ("55P03", "40P01")
"""The lock was not granted in time, or there was a deadlock with a batch: nothing was changed."""

_DESK = """
INSERT INTO resource (id, kind, name, zone)
SELECT nextval(pg_get_serial_sequence('resource', 'id')), 'desk', 'desk', :zone
WHERE NOT EXISTS (SELECT FROM resource WHERE kind = 'desk')
"""


def upgrade(settings: Settings, by: Author | None = None) -> None:
    """Safe to run at every start and by several processes at once.

    What it changed is in the audit log as `by`'s; without, the caller tells of it in an entry of its own.
    """
    migrating = engine(settings.database_url, MIGRATE_LIMITS, "holdfast migrate")
    try:
        with migrating.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATE_LOCK})
            connection.commit()
            before = _state(connection)
            _migrate(connection)
            _settle(connection, settings, FIRST_LANES if before is None and settings.lanes is None else settings.lanes)
            if by is not None:
                _record(connection, before, by)
            guard_seats(migrating)
    finally:
        migrating.dispose()  # closing the session gives the advisory lock back


def _state(connection: Connection) -> dict[str, Any] | None:
    """What a `migrate` may change, for the audit log; None of a database that has no schema yet."""
    revision = MigrationContext.configure(connection).get_current_revision()
    kept = {} if revision is None else connection.execute(text("SELECT to_jsonb(i) FROM installation i")).scalar_one()
    connection.commit()
    return (
        None if revision is None else {"schema": revision, **{name: kept.get(name) for name in ("lanes", "time_zone")}}
    )


def _record(connection: Connection, before: dict[str, Any] | None, by: Author) -> None:
    """Nothing if nothing was changed: it runs at every start."""
    change = change_of(before, _state(connection))
    if not change.is_empty:
        driver = _driver(connection)
        with driver.transaction():
            record(driver, AuditEntry(by, "installation.migrated", SUBJECT, change.before, change.after))


def alembic_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _migrate(connection: Connection) -> None:
    config = alembic_config(connection)
    if _is_newer(connection, ScriptDirectory.from_config(config)):
        log.warning("a newer release has migrated this database: nothing to do")
        return
    connection.execute(text(f"SET lock_timeout = '{LOCK_WAIT_S:g}s'"))
    connection.commit()
    _upgrade(connection, config)
    connection.execute(text("SET lock_timeout = 0"))
    connection.commit()


def _upgrade(connection: Connection, config: Config) -> None:
    """Each migration in a transaction of its own; a retry continues after the last one that committed."""
    for tried in range(1, LOCK_TRIES + 1):
        try:
            command.upgrade(config, "head")
            connection.commit()
        except OperationalError as problem:
            connection.rollback()
            if getattr(problem.orig, "sqlstate", None) not in IN_THE_WAY or tried == LOCK_TRIES:
                raise
            log.info("a migration waits for the lock of a table", tried=tried, of=LOCK_TRIES)
            time.sleep(LOCK_PAUSE_S)
        else:
            return


def _is_newer(connection: Connection, known: ScriptDirectory) -> bool:
    """Whether its revision is unknown here: a newer release has migrated it, and was rolled back."""
    present = MigrationContext.configure(connection).get_current_revision()
    connection.commit()
    return present is not None and present not in {script.revision for script in known.walk_revisions()}


def _settle(connection: Connection, settings: Settings, lanes: int | None) -> None:
    zone = _keep_time_zone(connection, settings.time_zone)
    connection.execute(text(_DESK), {"zone": zone})
    connection.commit()
    _make_partitions(connection)
    _settle_lanes(connection, lanes)
    _keep_wall_times(connection)


def _keep_time_zone(connection: Connection, time_zone: str) -> str:
    """The first `migrate` writes the setting down; afterwards the database's counts."""
    return keep_time_zone(_driver(connection), time_zone)


def _keep_wall_times(connection: Connection) -> None:
    """In psycopg's own transactions: SQLAlchemy's are over."""
    driver = _driver(connection)
    driver.autocommit = True
    try:
        keep_wall_times(driver)
    finally:
        driver.autocommit = False


def _driver(connection: Connection) -> psycopg.Connection[tuple[Any, ...]]:
    return connection.connection.driver_connection  # type: ignore[return-value]  # psycopg's, by the URL


def _make_partitions(connection: Connection) -> None:
    """A failure does not stop the start: outcomes then go into the default partition, where the sweep finds them."""
    try:
        ensure(_driver(connection))
    except psycopg.Error as problem:
        log.warning("the partitions of outcome cannot be created now", problem=repr(problem))
        connection.rollback()


def _settle_lanes(connection: Connection, lanes: int | None) -> None:
    """A `migrate` that is not told a number keeps the one that the database has."""
    if lanes is not None:
        set_lanes(connection, lanes)
    kept = connection.execute(text("SELECT lanes FROM installation")).scalar_one()
    connection.commit()
    log.info("the database has its lanes", lanes=kept)


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
