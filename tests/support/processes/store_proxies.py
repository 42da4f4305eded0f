"""PgBouncer in front of PostgreSQL, and TLS in front of Valkey, whose wheel has none."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from ops.embedded.child import Program
from ops.embedded.environment import ROOT
from ops.embedded.system_account import command, own
from ops.ports import accepts, free_ports
from tests.support.processes.servers import Server

V4, V6 = "127.0.0.1", "::1"


@dataclass(frozen=True)
class Certificate:
    """Of a server on this machine; `authority` is the certificate that signed it."""

    authority: Path
    file: Path
    key: Path


def certificate(folder: Path, names: str = f"IP:{V4},IP:{V6},DNS:localhost") -> Certificate:
    """Made by openssl, readable by the account that runs PostgreSQL."""
    own(folder)
    authority, file, key = folder / "ca.pem", folder / "server.pem", folder / "server.key"
    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    ours = ("-CA", str(authority), "-CAkey", str(folder / "ca.key"))
    _openssl(*new, "-subj", "/CN=tests", "-keyout", str(folder / "ca.key"), "-out", str(authority))
    _openssl(*new, *ours, "-subj", "/CN=server", "-addext", f"subjectAltName={names}",
             "-addext", "basicConstraints=critical,CA:false", "-keyout", str(key), "-out", str(file))  # fmt: skip
    _hand_over(folder, key)
    return Certificate(authority, file, key)


def _hand_over(folder: Path, key: Path) -> None:
    """PostgreSQL takes a key only from its own account or from root, and only if nobody else may read it."""
    shutil.chown(key, *_owner(folder))
    key.chmod(0o600)


def _owner(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_uid, found.st_gid


def _openssl(*words: str) -> None:
    made = subprocess.run(["openssl", *words], capture_output=True, check=False, timeout=30)
    assert made.returncode == 0, made.stderr.decode()


class PgBouncer(Server):
    """In front of the PostgreSQL of `url`, with Debian's defaults except for what a test sets."""

    def __init__(self, folder: Path, url: str, host: str = V4, **settings: str) -> None:
        self.port, self._host = free_ports(1)[0], host
        self._upstream = urlsplit(url)
        own(folder)
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(self._configuration(folder, settings))
        (folder / "users.txt").write_text(f'"{self._upstream.username}" "{self._upstream.password}"\n')
        program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin:/usr/local/sbin")
        assert program is not None, "the tests need PgBouncer: apt-get update && apt-get install --yes pgbouncer"
        super().__init__(
            Program(
                name="pgbouncer",
                argv=command((program, str(configuration)), death_signal=signal.SIGKILL),
                environment={},
                directory=folder,
                log=folder / "pgbouncer.log",
            ),
            lambda: accepts(self.port, host),
        )

    def _configuration(self, folder: Path, settings: dict[str, str]) -> str:
        told = {
            "listen_addr": self._host,
            "listen_port": str(self.port),
            "unix_socket_dir": "",
            "auth_type": "scram-sha-256",
            "auth_file": str(folder / "users.txt"),
            "max_client_conn": "200",
            "default_pool_size": "100",
        } | settings
        lines = [f"{name} = {value}" for name, value in told.items()]
        upstream = f"* = host={self._upstream.hostname} port={self._upstream.port}"
        return "\n".join(["[databases]", upstream, "[pgbouncer]", *lines, ""])

    def url(self, database_url: str, query: str = "") -> str:
        """The address of the database of `database_url` through this pooler."""
        at = urlsplit(database_url)
        host = f"[{self._host}]" if ":" in self._host else self._host
        return urlunsplit(("postgresql", f"{at.username}:{at.password}@{host}:{self.port}", at.path, query, ""))


class TlsProxy(Server):
    """Takes TLS on a port of its own, and hands on in plain text to the Valkey of `to_port`."""

    def __init__(self, folder: Path, to_port: int, made: Certificate, host: str = V4) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_ports(1)[0]
        listening = (host, str(self.port), str(to_port), str(made.file), str(made.key))
        super().__init__(
            Program(
                name="tls",
                argv=(sys.executable, "-m", "tests.support.processes.tls_proxy", *listening),
                environment={},
                directory=ROOT,
                log=folder / "tls.log",
            ),
            lambda: accepts(self.port, host),
        )


def limits_of(connection: psycopg.Connection[tuple[object, ...]], names: list[str]) -> dict[str, object]:
    rows = connection.execute(
        "SELECT name, current_setting(name) FROM unnest(%s::text[]) AS n (name)", (names,)
    ).fetchall()
    return {str(name): value for name, value in rows}
