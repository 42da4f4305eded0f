"""The SQL that `migrate` sends for each migration, and what linters say of it: squawk, and rules of our own.

docs/releases.md explains the rules to whoever writes a migration.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Engine, event

from ops.store_settings import POSTGRES_MAJOR

SQUAWK = Path(sys.executable).with_name("squawk")
LEFT_OUT = {
    "require-statement-timeout": "a statement takes as long as its table is large; others wait for locks, not for it",
    "prefer-bigint-over-int": "small numbers have bounds of their own",
    "prefer-bigint-over-smallint": "the same",
    "prefer-robust-stmts": "IF NOT EXISTS would keep the invalid index of a failed attempt: see `index-not-dropped-first`",
}
"""Rules of squawk that are not ours, with the reason."""


class Finding(Struct, frozen=True):
    rule: str
    about: str
    """The line of SQL, and what is wrong with it."""

    def __str__(self) -> str:
        return f"{self.rule}: {self.about}"


def findings(migrations: Mapping[str, Sequence[str]]) -> dict[str, list[Finding]]:
    """What is wrong with each migration, from what `migrate` sends for it, its BEGIN and COMMIT included."""
    sql = {name: "\n".join(lines) for name, lines in migrations.items()}
    by_squawk = _squawk(sql)
    return {name: [*by_squawk[name], *_own(statements_of(text))] for name, text in sql.items()}


def _squawk(sql: Mapping[str, str]) -> dict[str, list[Finding]]:
    """One call for all: each costs a start of the program."""
    options = ["--pg-version", str(POSTGRES_MAJOR), "--reporter", "json", "--exclude", ",".join(LEFT_OUT)]
    found: dict[str, list[Finding]] = {name: [] for name in sql}
    with TemporaryDirectory(prefix="holdfast-lint-") as folder:
        files = {str(Path(folder) / f"{number}.sql"): name for number, name in enumerate(sql)}
        for file, name in files.items():
            Path(file).write_text(sql[name])
        done = subprocess.run([SQUAWK, *options, *files], capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    for one in msgspec.json.decode(done.stdout):
        name = files[one["file"]]
        line = sql[name].splitlines()[one["line"]].strip()
        found[name].append(Finding(one["rule_name"], f"{line}: {one['message']}"))
    return found


_LOCK_TIMEOUT = re.compile(r"SET (?:SESSION |LOCAL )?lock_timeout (?:= |TO )'?(\w+)'?", re.IGNORECASE)
_CONCURRENT = re.compile(r"(CREATE|DROP)(?: UNIQUE)? INDEX CONCURRENTLY (?:IF (?:NOT )?EXISTS )?(\w+)", re.IGNORECASE)
_NOBODY_QUEUES_BEHIND = re.compile(r"(?:SET|SHOW|SELECT|BEGIN|COMMIT|DO|ALTER TABLE \w+ VALIDATE)\b", re.IGNORECASE)
"""Beside indexes that are built or dropped concurrently. `DO` writes rows in small transactions."""
_WRITES_ROWS = re.compile(
    r"(?:WITH\b.*\b)?(?:UPDATE (?:ONLY )?|DELETE FROM (?:ONLY )?|MERGE INTO |INSERT INTO (?!.*\bVALUES\b))(\w+)",
    re.IGNORECASE | re.DOTALL,
)
_CREATED = re.compile(r"CREATE (?:TEMP(?:ORARY)? )?TABLE (?:IF NOT EXISTS )?(\w+)", re.IGNORECASE)
_UNBOUNDED = re.compile(r"0\w*|default", re.IGNORECASE)


def _own(statements: Iterable[str]) -> Iterator[Finding]:
    """What squawk does not know of: each rule is about what others wait for meanwhile."""
    dropped: set[str] = set()
    created: set[str] = set()
    is_bounded, in_transaction = True, False
    for one in statements:
        in_transaction = one.upper() == "BEGIN" or (in_transaction and one.upper() != "COMMIT")
        created |= set(_CREATED.findall(one))
        if found := _LOCK_TIMEOUT.match(one):
            is_bounded = not _UNBOUNDED.fullmatch(found[1])
        concurrent = _CONCURRENT.match(one)
        if not (is_bounded or concurrent or _NOBODY_QUEUES_BEHIND.match(one)):
            yield Finding("unbounded-lock-wait", f"{one}: it waits without lock_timeout, and bookings wait behind it")
        if concurrent and concurrent[1].upper() == "DROP":
            dropped.add(concurrent[2])
        elif concurrent and concurrent[2] not in dropped:
            yield Finding("index-not-dropped-first", f"{one}: a failed attempt leaves an invalid index of that name")
        written = _WRITES_ROWS.match(one)
        if written and in_transaction and written[1] not in created:
            yield Finding("rows-written-at-once", f"{one}: it locks all those rows until the migration commits")


_TOKEN = re.compile(
    r"--[^\n]*|/\*.*?\*/|(?P<text>'(?:[^']|'')*')|(?P<body>\$(\w*)\$.*?\$\3\$)|(?P<end>;)|(?P<other>.)", re.DOTALL
)


def statements_of(sql: str) -> Iterator[str]:
    """Each on one line, without comments and without what functions do."""
    words = ""
    for token in _TOKEN.finditer(sql):
        if token["end"]:
            yield " ".join(words.split())
            words = ""
        else:
            words += "$$" if token["body"] else token["text"] or token["other"] or " "
    if words.strip():
        yield " ".join(words.split())


_VERSION = re.compile(
    r"INSERT INTO alembic_version .*VALUES \('(\w+)'\)|UPDATE alembic_version SET version_num='(\w+)'"
)
_PARAMETER = re.compile(r"%\(\w+\)s")
_SET = re.compile(r"\s*SET\s+lock_timeout\b", re.IGNORECASE)


@dataclass
class Recorder:
    """What the session of `migrate` sends, by the revision that it leads to."""

    by_revision: dict[str, list[str]] = field(default_factory=dict)
    _lines: list[str] = field(default_factory=list)
    _last_set: list[str] = field(default_factory=list)
    """The session's `SET lock_timeout` that still counts."""
    _in_transaction: bool = False

    def hear(self, statement: str, *, in_transaction: bool) -> None:
        if in_transaction != self._in_transaction:
            self._lines.append("BEGIN;" if in_transaction else "COMMIT;")
            self._in_transaction = in_transaction
        if found := _VERSION.match(statement):
            self.by_revision[found[1] or found[2]] = [*self._lines, *(["COMMIT;"] if in_transaction else [])]
            self._lines, self._in_transaction = list(self._last_set), False
            return
        line = f"{_PARAMETER.sub('NULL', statement).strip().rstrip(';')};"
        if _SET.match(statement):
            self._last_set = [line]
        self._lines.append(line)

    def hear_commit(self) -> None:
        if self._in_transaction:
            self._lines.append("COMMIT;")
            self._in_transaction = False


@contextmanager
def recorded() -> Iterator[Recorder]:
    """What this process sends by SQLAlchemy meanwhile, which is what migrations send."""
    recorder = Recorder()

    def hear(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        driver: Any = connection.connection.driver_connection
        recorder.hear(statement, in_transaction=not driver.autocommit)

    def hear_commit(_connection: Connection) -> None:
        recorder.hear_commit()

    heard: dict[str, Callable[..., Any]] = {
        "before_cursor_execute": hear,
        "commit": hear_commit,
        "rollback": hear_commit,
    }
    for name, listener in heard.items():
        event.listen(Engine, name, listener)
    try:
        yield recorder
    finally:
        for name, listener in heard.items():
            event.remove(Engine, name, listener)
