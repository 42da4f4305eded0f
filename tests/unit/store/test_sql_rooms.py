"""SQL is written in core/store and its migrations; who needs rows calls a function there.

A file elsewhere that holds SQL stands in `ALLOWED`, with the reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROOMS = ("api", "core", "notifier", "ops", "workers")
STORE = "core/store/"

ALLOWED: dict[str, str] = {
    "core/identity/": "the store of accounts: nothing else reads or writes credentials (a test below)",
    "core/engine/lane.py": "COMMIT is a step of its batch: what fails in it may have been written",
    "ops/database_roles.py": "a superuser's work, before there is a schema",
    "ops/embedded/postgres.py": "a superuser's work, before there is a schema",
}
"""By file, or by folder with a slash at the end: why it may hold SQL."""

KEYWORDS = r"""
SELECT\b | INSERT\ INTO\b | UPDATE\ [\w{] | DELETE\ FROM\b | WITH\ (RECURSIVE\ )?\w+\ (\([^)]*\)\ )?AS\b
| COPY\ [\w(] | (CREATE|ALTER|DROP|TRUNCATE|GRANT|REVOKE|COMMENT\ ON)\ [A-Z] | LOCK\ TABLE\b
| SET\ ((LOCAL|SESSION|TRANSACTION)\b|[a-z_]+\ =) | (BEGIN|COMMIT|ROLLBACK|VACUUM|ANALYZE|LISTEN|NOTIFY)\b[ ;\w]*$
| (FROM|WHERE|HAVING|VALUES|RETURNING|ORDER\ BY|GROUP\ BY|LIMIT|(LEFT\ |CROSS\ )?JOIN|ON\ CONFLICT|AND|OR)\ [\w({%$]
"""
SQL = re.compile(rf"\s*\(?({KEYWORDS})", re.VERBOSE)
CONDITION = re.compile(r"\b[a-z_.]+ (=|<|>|<=|>=|<>|LIKE|IS|IN) .*%(\(\w+\))?s|\bIS (NOT )?NULL\b")
"""A part of a statement, kept by itself."""


CREDENTIALS = re.compile(
    r"\b(password_hash|token_hash|csrf_secret|login_session|refresh_(family|token)|password_reset|ws_ticket|api_token"
    r"|agent_key|oauth_attempt|social_account)\b"
)
NAME_CREDENTIALS = {
    "core/store/calendars/links.py": "a calendar link is found by its token's hash, and ends with a practitioner",
    "core/store/mails/addresses.py": "mails' links, of which no login comes",
    "core/store/mails/guest_links.py": "the same",
    "core/store/people.py": "people whom a command makes known may get a first password",
    "core/store/maintenance/restore.py": "what works once may have been used after the backup",
    "core/store/maintenance/retention.py": "what has expired is deleted",
}
"""Of the store: the files whose SQL names a table or a column of credentials, and why."""


def is_sql(text: str) -> bool:
    return SQL.match(text) is not None or CONDITION.search(text) is not None


def sql_in(source: str) -> Iterator[str]:
    """What in a module is SQL, each with its line."""
    tree = ast.parse(source)
    prose = _prose(tree)
    for node in ast.walk(tree):
        for found in _found(node, prose):
            yield f"line {getattr(node, 'lineno', 0)}: {' '.join(found.split())[:60]}"


def _found(node: ast.AST, prose: set[int]) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)) if id(node) not in prose and is_sql(text):
            yield text
        case ast.ImportFrom(module=str(module), names=names) if module.startswith("core."):
            yield from (f"from {module} import {one.name}" for one in names if one.name.startswith("SQL_"))
        case ast.Attribute(attr=name) if name.startswith("SQL_"):
            yield name
        case ast.Call(func=ast.Attribute(attr="execute" | "executemany" | "stream" | "copy"), args=[first, *_]) if (
            isinstance(first, ast.JoinedStr | ast.Constant)
        ):
            yield f"execute({ast.unparse(first)})"


def _prose(tree: ast.Module) -> set[int]:
    """Strings that are statements by themselves: docstrings, and what is said of a name under it."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def modules() -> dict[str, str]:
    files = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    named = {path.relative_to(ROOT).as_posix(): path for path in files}
    return {name: path.read_text() for name, path in named.items() if not name.startswith(STORE)}


WITH_SQL = {name: found for name, source in modules().items() if (found := list(sql_in(source)))}


def is_allowed(name: str) -> bool:
    return name in ALLOWED or any(name.startswith(folder) for folder in ALLOWED if folder.endswith("/"))


def test_sql_stands_in_the_store() -> None:
    found = {name: lines for name, lines in WITH_SQL.items() if not is_allowed(name)}
    assert not found, "SQL belongs in core/store, behind a function that says what it is for"


def test_each_permission_is_used() -> None:
    unused = [one for one in ALLOWED if not any(name.startswith(one) for name in WITH_SQL)]
    assert unused == []


def test_credentials_are_read_and_written_by_identity() -> None:
    files = [path for path in (ROOT / STORE).rglob("*.py") if "migrations" not in path.parts]
    texts = {path.relative_to(ROOT).as_posix(): ast.walk(ast.parse(path.read_text())) for path in files}
    naming = {
        name
        for name, nodes in texts.items()
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CREDENTIALS.search(node.value)
    }
    assert naming == NAME_CREDENTIALS.keys()


@pytest.mark.parametrize(
    "source",
    [
        'SQL_RULES = "SELECT 1 FROM rules"',
        'rows = read("""\nWITH found AS (SELECT 1) SELECT * FROM found""")',
        'text = f"UPDATE {table} SET a = 1"',
        'text = f"{one} WHERE" f"INSERT INTO {table} VALUES (1)"',
        'narrow = "booking_id = %(booking_id)s"',
        'needs = "parked_at IS NOT NULL"',
        'order = "ORDER BY id"',
        "from core.store.feed import SQL_HEAD",
        "rows = feed.SQL_HEAD",
        'connection.execute("COMMIT")',
        'connection.execute("show all")',
        'done = "COMMIT"',
    ],
)
def test_sql_is_found(source: str) -> None:
    assert list(sql_in(source))


@pytest.mark.parametrize(
    "source",
    [
        '"""SELECT is what a database does."""',
        'A = 1\n"""SELECT says so."""',
        'words = "Select a service"',
        'words = "Update your payment method"',
        "from core.store.feed import read_head",
        "connection.execute(statement)",
    ],
)
def test_prose_is_not_sql(source: str) -> None:
    assert list(sql_in(source)) == []
