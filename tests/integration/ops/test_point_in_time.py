"""Point-in-time recovery by PostgreSQL's own means, on the embedded PostgreSQL, as docs/operations.md describes it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from core.store.feed import Position
from core.store.payments.findings import last_restore
from ops.backup.databases import Database
from ops.backup.restore import recovered
from ops.embedded.postgres import binary, clean_environment
from ops.embedded.system_account import command, own
from tests.conftest import UNSYNCED
from tests.support.engine.lanes import Pipeline, places
from tests.support.processes.servers import PostgresServer, settings_for
from tests.support.wait import wait_until
from workers.relay_server import relay

EARLY, WANTED, LOST, AFTERWARDS = 3, 5, 7, 9
"""Bookings at the base backup, at the time that is wanted back, when it went wrong, and in the end."""


def as_postgres(*argv: str) -> None:
    ran = subprocess.run(
        command(argv, death_signal=signal.SIGKILL), cwd="/", env=clean_environment(), capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr.decode()


class ArchivedServer:
    """A server that archives its log, and a base backup of it."""

    def __init__(self, folder: Path, prepared_cluster: Path) -> None:
        self._folder, self._archive, self._base = folder, folder / "archive", folder / "base"
        own(self._archive)
        own(self._base)
        settings = {**UNSYNCED, "archive_mode": "on", "archive_command": f"cp %p {self._archive}/%f"}
        self.server = PostgresServer(folder / "server", settings, prepared_cluster)
        self.server.start()
        self.url = self.server.new_database()

    @property
    def owner_url(self) -> str:
        return self.server.url("postgres")

    def back_up(self) -> None:
        where = ("--pgdata", str(self._base), "--dbname", self.owner_url)
        as_postgres(binary("pg_basebackup"), *where, "--checkpoint=fast")
        as_postgres(binary("pg_verifybackup"), str(self._base))

    def archived(self) -> None:
        """Until all that is written lies in the archive."""
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            [(wanted,)] = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchall()

        wait_until((self._archive / str(wanted)).exists, "the log is archived")

    def recover(self, until: datetime) -> None:
        self.server.terminate()
        data = self.server.cluster.data
        data.rename(data.with_name("lost"))
        self._base.rename(data)
        as_postgres("touch", str(data / "recovery.signal"))
        settings = {
            **UNSYNCED,
            "restore_command": f"cp {self._archive}/%f %p",
            "recovery_target_time": until.isoformat(),
            "recovery_target_action": "promote",
        }
        self.server.program = self.server.cluster.program(self._folder / "recovered.log", settings)
        self.server.start()
        wait_until(self._is_promoted, "it is recovered")

    def _is_promoted(self) -> bool:
        with psycopg.connect(self.owner_url) as connection:
            return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)


@pytest.fixture
def archived(tmp_path: Path, prepared_cluster: Path) -> Iterator[ArchivedServer]:
    tmp_path.chmod(0o755)  # PostgreSQL may run under another account
    one = ArchivedServer(tmp_path, prepared_cluster)
    yield one
    one.server.close()


def book(pipeline: Pipeline, until: int) -> Position:
    pipeline.one_lane()
    [(booked,)] = pipeline.rows("SELECT count(*) FROM booking")
    pipeline.put(*places(until)[booked:])
    pipeline.worker().visit_until_done()
    while relay(pipeline.connection, lambda _: None):
        pass
    return Position(*pipeline.row("SELECT epoch, last_position FROM feed"))


def test_a_recovered_moment_has_a_new_epoch_and_is_settled_like_a_restore(archived: ArchivedServer) -> None:
    with closing(Pipeline(archived.url)) as pipeline:
        book(pipeline, EARLY)
        archived.back_up()
        wanted = book(pipeline, WANTED)
        (moment,) = pipeline.row("SELECT clock_timestamp()")
        lost = book(pipeline, LOST)
        archived.archived()
    archived.recover(moment)
    assert lost.epoch == wanted.epoch
    with closing(Pipeline(archived.url)) as pipeline:
        assert pipeline.row("SELECT count(*) FROM booking") == (WANTED,)
        by_itself = book(pipeline, LOST)
        assert by_itself.epoch != lost.epoch, "its numbers now stand for other events: the timeline tells"
    database = Database(settings_for(archived.url, "redis://127.0.0.1:1/0"), None)
    outcome = recovered(database, moment, lambda *_: None)
    assert (outcome.position.number, outcome.position.epoch != by_itself.epoch) == (LOST, True)
    with closing(Pipeline(archived.url)) as pipeline:
        last = last_restore(pipeline.connection)
        assert last is not None
        assert last.taken_at == moment
        present = book(pipeline, AFTERWARDS)
        assert (present.epoch, present.number) == (outcome.position.epoch, AFTERWARDS)
