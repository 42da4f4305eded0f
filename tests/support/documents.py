"""The documents' requests and answers, as written down in tests/fixtures, and how an answer is held to them.

An entry has `section`, `method`, `path`, `headers`, `body`, `status`, `response`, all as printed
(`YOUR_ACCESS_TOKEN` and `YOUR_TOKEN` stand for a login of the demo's admin). Where the document
prints no answer, `response` is what docs/contracts/README.md settles. Beside them an entry may have

- `before`: requests of the same form, sent first;
- `begins`: names of lists that are printed in part, from their beginning;
- `pushed`: what `/ws/admin/bookings/` tells staff about it;
- `varies`: names under which only the types count, such as figures of somebody else's data.

What is printed must be answered, name by name; an answer may hold more.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
from msgspec import Struct

from core.settings import Settings
from core.store.migrate import upgrade
from ops import demo
from tests.support.wait import wait_until

FIXTURES = Path(__file__).parents[1] / "fixtures"

VOLATILE_FIELDS = frozenset(
    {"id", "user_id", "booking_id", "access", "refresh", "created_at", "updated_at", "date_joined", "last_login"}
)
"""Ids, times and tokens: their types count, and the form of their times."""

_TOKEN = re.compile(r"YOUR_(ACCESS_)?TOKEN")
_DATABASE_IN_USE = (
    "booking_tally_change",
    "booking_tally",
    "user_tally_change",
    "user_tally",
    "user_account",
    "resource",
    "booking",
    "booking_settings",
)
"""In the order in which the sweep takes them: it folds the tallies meanwhile."""


class Printed(Struct, frozen=True, forbid_unknown_fields=True):
    section: str
    method: str
    path: str
    headers: dict[str, str]
    body: Any
    status: int
    response: Any
    before: tuple[Printed, ...] = ()
    begins: frozenset[str] = frozenset()
    varies: frozenset[str] = frozenset()
    pushed: Any = None

    @property
    def changes_nothing(self) -> bool:
        """Whether it leaves everything as it was."""
        return (self.method == "GET" or self.status >= 400) and not self.before


def printed(document: str) -> list[Printed]:
    """The entries of `appointments` or `agent`, in the document's order."""
    return msgspec.json.decode((FIXTURES / f"{document}.json").read_bytes(), type=list[Printed])


def send(client: httpx.Client, entry: Printed, access: str) -> httpx.Response:
    """Once, by itself: cookies of earlier answers do not go with it."""
    client.cookies.clear()
    headers = {name: _TOKEN.sub(access, value) for name, value in entry.headers.items()}
    content = None if entry.body is None else msgspec.json.encode(entry.body)
    return client.request(entry.method, entry.path, headers=headers, content=content)


def differences(entry: Printed, answered: Any, pushed: Any = None) -> list[str]:
    """Where an answer and what was pushed are not what is printed, by path; empty if they are."""
    told = [] if entry.pushed is None else _compare(entry, "pushed", "", entry.pushed, pushed)
    return _compare(entry, "", "", entry.response, answered) + told


def _compare(entry: Printed, path: str, name: str, wanted: Any, found: Any) -> list[str]:
    if isinstance(wanted, dict) and isinstance(found, dict):
        missing = [f"{path}.{key} is missing" for key in wanted if key not in found]
        inner = entry if name not in entry.varies else msgspec.structs.replace(entry, varies=frozenset(wanted))
        pairs = ((key, value) for key, value in wanted.items() if key in found)
        return missing + [w for key, value in pairs for w in _compare(inner, f"{path}.{key}", key, value, found[key])]
    if isinstance(wanted, list) and isinstance(found, list):
        if len(found) < len(wanted) or (len(found) > len(wanted) and name not in entry.begins):
            return [f"{path} has {len(found)} items instead of {len(wanted)}"]
        pairs_ = enumerate(zip(wanted, found, strict=False))
        return [w for n, (one, other) in pairs_ for w in _compare(entry, f"{path}[{n}]", name, one, other)]
    if name in VOLATILE_FIELDS or name in entry.varies:
        return [] if _form(wanted) in {_form(found), "..."} else [f"{path} is {found!r}, not like {wanted!r}"]
    return [] if wanted == found and type(wanted) is type(found) else [f"{path} is {found!r} instead of {wanted!r}"]


def _form(value: Any) -> str:
    """A value's type; of text, how it ends a time: `Z` and `+00:00` are not alike. `...` is any."""
    if not isinstance(value, str):
        return type(value).__name__
    return "..." if value == "..." else re.sub(r"\d", "0", value) if re.match(r"\d{4}-\d\d-\d\dT", value) else "text"


def _is_emptied(connection: psycopg.Connection) -> bool:
    """False where a process of the stack held one of the tables and wanted another: PostgreSQL ended the wait."""
    try:
        connection.execute(f"TRUNCATE {', '.join(_DATABASE_IN_USE)} RESTART IDENTITY CASCADE".encode())
    except psycopg.errors.DeadlockDetected:
        return False
    return True


def reset_demo_database(settings: Settings) -> None:
    """Nothing but the demo data, whatever was there; the stack may run on."""
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        wait_until(lambda: _is_emptied(connection), "the tables are emptied")
        connection.execute("ALTER SEQUENCE booking_id_seq RESTART")
        connection.execute("INSERT INTO booking_settings DEFAULT VALUES")
    upgrade(settings)
    demo.load(settings)
