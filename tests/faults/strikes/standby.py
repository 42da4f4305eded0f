"""A synchronous standby that follows the database's server: it goes away, or takes the server's place."""

from __future__ import annotations

import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from ops.embedded.postgres import Postgres, binary, clean_environment
from ops.embedded.system_account import command, own
from ops.ports import free_ports
from tests.faults.stage import DURABLE, Stage
from tests.faults.strikes.fault import Fault
from tests.faults.strikes.processes import Struck
from tests.support.processes.servers import Server
from tests.support.wait import wait_until

NAME = "standby"
FOLLOWS_WITHIN_S = 60.0


class Standby:
    """A copy of the stage's server, which every commit waits for while it is named."""

    def __init__(self, stage: Stage) -> None:
        place = stage.postgres.cluster.folder.parent
        self._stage = stage
        self._folder = _free(place)
        own(self._folder)
        self._run(binary("pg_basebackup"), "--pgdata", str(self._data), "--dbname", self._primary, "--checkpoint=fast")
        self._run("touch", str(self._data / "standby.signal"))
        told = {**DURABLE, "primary_conninfo": f"{self._primary}?application_name={NAME}"}
        cluster = self._cluster(free_ports(1)[0])
        self.server = Server(cluster.program(self._folder / "standby.log", told), cluster.answers)
        self.server.start()
        self.name(NAME)
        wait_until(self._is_synchronous, "the standby follows", FOLLOWS_WITHIN_S)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _primary(self) -> str:
        return self._stage.postgres.url("postgres")

    def _cluster(self, port: int) -> Postgres:
        own_ = self._stage.postgres.cluster
        return Postgres(self._folder, port, own_.password_file, own_.application_password_file)

    def name(self, names: str) -> None:
        """Of the standbys that a commit waits for; empty: none."""
        self._ask(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        self._ask("SELECT pg_reload_conf()")

    def _ask(self, statement: str) -> None:
        with psycopg.connect(self._primary, autocommit=True) as connection:
            connection.execute(statement.encode())

    def _is_synchronous(self) -> bool:
        with psycopg.connect(self._primary, autocommit=True) as connection:
            found = connection.execute("SELECT sync_state FROM pg_stat_replication").fetchall()
        return ("sync",) in found

    def take_over(self) -> None:
        """At the address of the server that has died: it goes on as a new timeline."""
        self.server.terminate()
        postgres = self._stage.postgres
        postgres.cluster = self._cluster(postgres.cluster.port)
        postgres.program = postgres.cluster.program(self._folder / "promoted.log", DURABLE)
        postgres.start()
        self._ask("SELECT pg_promote()")

    @staticmethod
    def _run(*argv: str) -> None:
        ran = subprocess.run(
            command(argv, death_signal=signal.SIGKILL),
            cwd="/",
            env=clean_environment(),
            capture_output=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr.decode()


def _free(place: Path) -> Path:
    number = sum(1 for _ in place.glob("standby-*")) + 1
    return place / f"standby-{number}"


def _gone(stage: Stage, _: random.Random) -> Iterator[None]:
    """Commits wait for it, until somebody takes its name out."""
    standby = Standby(stage)
    standby.server.kill()
    yield
    standby.name("")


def _promoted(stage: Stage, _: random.Random) -> Iterator[None]:
    standby = Standby(stage)
    stage.postgres.kill()
    yield
    standby.take_over()


def _fault(name: str, struck: Struck, **more: object) -> Fault:
    return Fault(name, "standby", contextmanager(struck), **more)  # type: ignore[arg-type]


STANDBY_FAULTS = (
    _fault("a synchronous standby goes away", _gone, lasts_s=(1.0, 5.0)),
    _fault("a synchronous standby is promoted", _promoted, may_reload=True),
)
