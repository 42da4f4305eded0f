"""The audit log can be added to; what is 400 days old goes, and what it says of a person goes with that person."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from core.identity.personal_data import erasure
from core.store.audit import AUDIT_DAYS, AuditEntry, Author, AuthorKind, Personal, record
from core.store.connections.database import Connection
from tests.support.engine.lanes import Sweep
from tests.support.rows import count

STAFF = Author(AuthorKind.STAFF, "user:7", 7, "192.0.2.7", "request-1")
KEY = Author(AuthorKind.AGENT, "key:3", None, "192.0.2.3", "request-2")
TABLES = ("audit_entry", "audit_person")
SQL_ERASE = """
INSERT INTO erasure (user_id, names, phones, until, actor, request_id) VALUES (%s, '{}', '{}', '{}', '{}', 'r')
"""


def write(connection: Connection, author: Author = STAFF, about: int = 8) -> None:
    person = Personal(about, before={"phone": "1"}, after={"phone": "2"})
    record(connection, AuditEntry(author, "user.changed", f"user:{about}", {}, {}, person))


def rows(connection: Connection, statement: str) -> list[tuple[Any, ...]]:
    return connection.execute(statement.encode()).fetchall()


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "change",
    ["UPDATE {} SET address = ''", "DELETE FROM {}", "TRUNCATE {}", "UPDATE {} SET at = '2001-01-01'"],
    ids=["update", "delete", "truncate", "older"],
)
@pytest.mark.parametrize("role", ["origin", "replica"])
def test_the_applications_role_cannot_change_an_entry(
    connection: Connection, table: str, change: str, role: str
) -> None:
    write(connection)
    connection.execute(f"SET session_replication_role = {role}".encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="can only be added to"):
        connection.execute(change.format(table).encode())
    assert count(connection, table) > 0


def test_an_entry_and_what_it_says_of_people_stand_apart(connection: Connection) -> None:
    write(connection)
    write(connection, KEY)
    entries = rows(connection, "SELECT actor_kind, actor, address, request_id, before FROM audit_entry ORDER BY id")
    assert entries == [("staff", "user:7", None, None, {}), ("agent", "key:3", "192.0.2.3", "request-2", {})]
    people = rows(connection, "SELECT entry_id, user_id, address, before FROM audit_person ORDER BY id")
    assert people == [
        (1, 8, None, {"phone": "1"}),
        (1, 7, "192.0.2.7", None),
        (2, 8, None, {"phone": "1"}),
    ]


def test_entries_are_kept_for_400_days(connection: Connection, sweep: Sweep) -> None:
    for table, columns in (("audit_entry", "actor_kind, actor, action, subject"), ("audit_person", "entry_id")):
        values = "'staff', 'user:7', 'x.y', 'x:1'" if table == "audit_entry" else "1"
        connection.execute(
            f"INSERT INTO {table} (at, {columns}) SELECT clock_timestamp() - make_interval(days => days), {values}"
            f" FROM unnest(ARRAY[1, {AUDIT_DAYS - 1}, {AUDIT_DAYS + 1}, 5000]) AS days".encode()
        )
    sweep()
    assert [count(connection, table) for table in TABLES] == [2, 2]


def test_what_it_says_of_a_person_goes_with_the_person(connection: Connection) -> None:
    """Of the one who leaves alone: the entry itself, and what it says of whoever made the change, stay."""
    write(connection)
    write(connection, about=9)
    connection.execute(SQL_ERASE, (8,))
    while erasure.run(connection, 60.0).steps:
        pass
    left = rows(connection, "SELECT user_id FROM audit_person ORDER BY id")
    assert left == [(7,), (9,), (7,)]
    assert count(connection, "audit_entry") == 2
