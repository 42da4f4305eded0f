"""Real servers that a test may kill, stop and start again, by the definitions that `make run` uses."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import psycopg
from alembic import command
from psycopg import sql

from core.settings import Settings, from_environment
from core.store.connections.database import MIGRATE_LIMITS
from core.store.connections.sqlalchemy_engines import engine
from core.store.migrate import alembic_config, upgrade
from ops import demo as demo_data
from ops.database_roles import create_application_role
from ops.embedded.child import Child, Program
from ops.embedded.postgres import Postgres
from ops.embedded.valkey import Valkey
from ops.ports import free_ports
from ops.store_settings import APPLICATION_ROLE
from tests.support.wait import wait_until

LANES_DEFAULT = 8
_TEMPLATE = "template_holdfast"
_DEMO_TEMPLATE = "template_demo"


class Server:
    """One server process that a test may kill, stop and start again."""

    def __init__(self, program: Program, answers: Callable[[], bool]) -> None:
        self.program = program
        self._answers = answers
        self._child: Child | None = None

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def child(self) -> Child:
        assert self._child is not None, f"{self.name} was not started"
        return self._child

    @property
    def pid(self) -> int:
        return self.child.pid

    @property
    def log(self) -> str:
        return self.program.log.read_text(errors="replace")

    def start(self, *, wait: bool = True) -> None:
        assert self._child is None or self._child.exit_code() is not None, f"{self.name} runs already"
        self._child = Child(self.program)
        if wait:
            self.wait()

    def wait(self) -> None:
        """Until it answers."""
        wait_until(self._answers_or_fails, f"{self.name} answers")

    def _answers_or_fails(self) -> bool:
        code = self.child.exit_code()
        assert code is None, f"{self.name} ended with {code}:\n{self.child.tail()}"
        return self._answers()

    def kill(self) -> None:
        """kill -9, with everything in its process group."""
        self.child.kill()
        assert self.child.wait(10.0)

    def freeze(self) -> None:
        """SIGSTOP the whole process group: alive to look at, but doing nothing."""
        os.killpg(self.pid, SIGSTOP)

    def thaw(self) -> None:
        os.killpg(self.pid, SIGCONT)

    def mend(self) -> None:
        """Run, whatever was done to it; does not wait."""
        if self.child.exit_code() is None:
            self.thaw()
        else:
            self.start(wait=False)

    def terminate(self) -> int:
        """Gracefully, as a deployment would; its exit code."""
        self.child.stop()
        code = self.child.exit_code()
        assert code is not None
        return code

    def restart(self) -> None:
        self.terminate()
        self.start()

    def close(self) -> None:
        if self._child is not None:
            with suppress(ProcessLookupError):
                self.thaw()
            self._child.kill()
            self._child.wait(10.0)


SQL_MAY_SET = sql.SQL("GRANT SET ON PARAMETER session_replication_role, deadlock_timeout TO {}").format(
    sql.Identifier(APPLICATION_ROLE)
)
"""What the application's role may do in tests only: fill big tables without their triggers, and end deadlocks soon."""


class PostgresServer(Server):
    """PostgreSQL with a migrated template, so that a new database costs a tenth of a second."""

    def __init__(self, folder: Path, extra: Mapping[str, str] | None = None, copy_of: Path | None = None) -> None:
        """A new cluster, or a copy of what `prepare` left, which takes a tenth of the time."""
        folder.mkdir(parents=True, exist_ok=True)
        passwords = [folder / "password", folder / "application-password"]
        if copy_of is None:
            for password in passwords:
                password.write_text(secrets.token_urlsafe(24))
                password.chmod(0o600)
        else:
            subprocess.run(["cp", "-a", f"{copy_of}/.", str(folder)], check=True)
        self.cluster = Postgres(folder / "pg", free_ports(1)[0], *passwords)
        self.cluster.create()
        super().__init__(self.cluster.program(folder / "postgres.log", extra), self.cluster.answers)
        self._made: set[str] = set() if copy_of is None else {_TEMPLATE, _DEMO_TEMPLATE}

    def prepare(self) -> None:
        """Make both templates, and stop: the folder can be copied then."""
        self.start()
        for demo in (False, True):
            self._template(demo=demo)
        self.terminate()
        self.program.log.unlink()

    def url(self, database: str) -> str:
        """As the superuser."""
        return self.cluster.url(database)

    def new_database(self, *, demo: bool = False) -> str:
        """The URL of a new migrated database as the application has it, with the demo data if asked for."""
        name, template = f"t_{secrets.token_hex(6)}", self._template(demo=demo)
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            names = [sql.Identifier(one) for one in (name, template, APPLICATION_ROLE)]
            statement = "CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy"  # a third faster than by the log
            connection.execute(sql.SQL(statement).format(*names))
        return self.cluster.application_url(name)

    def bare_database(self, name: str, template: str = "template1") -> str:
        """The URL of a database of the application's without a schema."""
        self.cluster.create_database(name, template)
        url = self.cluster.application_url(name)
        create_application_role(self.url(name), url)
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute(SQL_MAY_SET)
        return url

    @contextmanager
    def older_database(self, revision: str) -> Iterator[str]:
        """The URL of a database of the application's with the schema of an earlier release."""
        url = self.bare_database(f"t_{secrets.token_hex(6)}")
        migrating = engine(url, MIGRATE_LIMITS, "holdfast tests")
        with migrating.connect() as connection:
            command.upgrade(alembic_config(connection), revision)
        migrating.dispose()
        yield url
        self.drop_database(url)

    def drop_database(self, url: str) -> None:
        name = sql.Identifier(url.rsplit("/", 1)[1])
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def _template(self, *, demo: bool) -> str:
        name = _DEMO_TEMPLATE if demo else _TEMPLATE
        if name not in self._made:
            url = self.bare_database(name, _TEMPLATE if _TEMPLATE in self._made else "template1")
            _prepare(url, load_demo=demo)
            self._made.add(name)
        return name


def _prepare(database_url: str, *, load_demo: bool) -> None:
    settings = settings_for(database_url, "redis://127.0.0.1:1/0")
    upgrade(settings)
    if load_demo:
        demo_data.load(settings)


class ValkeyServer(Server):
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        password = folder / "password"
        password.write_text(secrets.token_urlsafe(24))
        self.cluster = Valkey(folder, free_ports(1)[0], password)
        super().__init__(self.cluster.program(folder / "valkey.log"), self.cluster.answers)

    @property
    def url(self) -> str:
        return self.cluster.url()


def stack_environment(database_url: str, redis_url: str, *, lanes: int = LANES_DEFAULT) -> dict[str, str]:
    """The settings of a demo stack; ports come on top."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "HOLDFAST_DEMO": "1",
        "HOLDFAST_SECRET_KEY": "a-secret-of-the-tests-that-guards-nothing",
        "HOLDFAST_LANES": str(lanes),
    }


def settings_for(database_url: str, redis_url: str, *, lanes: int = LANES_DEFAULT) -> Settings:
    return from_environment(stack_environment(database_url, redis_url, lanes=lanes))
