"""The API while the database lacks what its code needs: a good request is a 503, never a 400 or a 500."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
import redis

from api.accounts.limits import EXPORTS
from tests.support.clients.http_client import ADMIN, Client, admin
from tests.support.processes.stack import Stack

AWAY = (
    "booking.notes",
    "service.name_folded",
    "user_account.username_key",
    "login_session",
    "inbox.weight",
    "outcome.response",
    "idempotency_key",
    "installation.lanes",
)
"""Tables and columns."""


@contextmanager
def without(database: psycopg.Connection[Any], name: str) -> Iterator[None]:
    table, _, column = name.partition(".")
    there, back = (
        (f"ALTER TABLE {table} RENAME COLUMN {column} TO away", f"ALTER TABLE {table} RENAME COLUMN away TO {column}")
        if column
        else (f"ALTER TABLE {table} RENAME TO away", f"ALTER TABLE away RENAME TO {table}")
    )
    database.execute(there.encode())
    try:
        yield
    finally:
        database.execute(back.encode())


def paths_of(client: Client) -> list[str]:
    """All that can be read, by paths that lead to the first of its kind or to nothing."""
    paths = client.get("/api/schema").raise_for_status().json()["paths"]
    return [re.sub(r"\{[^}]*\}", "1", path) for path, operations in paths.items() if "get" in operations]


def statuses(client: Client, paths: list[str]) -> dict[str, int]:
    found = {f"GET {path}": client.get(path).status_code for path in paths}
    found["a command's address"] = client.get(f"/api/commands/{uuid4()}/").status_code
    found["book"] = client.book(Prefer="respond-async", Idempotency_Key=str(uuid4())).status_code
    found["sign in"] = client.post("/api/login/", json=ADMIN).status_code
    return found


def an_hour_passes(stack: Stack) -> None:
    """For the counted exports: one caller asks for more of them here than are allowed in an hour."""
    with redis.Redis.from_url(stack.redis_url, decode_responses=True) as counters:
        for key in list(counters.scan_iter(f"*{EXPORTS.name}*")):
            counters.delete(key)


def test_a_request_that_meets_a_missing_table_or_column_is_a_503(breakable_stack: Stack) -> None:
    wrong, hit = [], set()
    with breakable_stack.database() as database, admin(breakable_stack.api_url) as client:
        paths = paths_of(client)
        usual = statuses(client, paths)
        assert len(usual) > 40
        for name in AWAY:
            with without(database, name):
                found = statuses(client, paths)
            an_hour_passes(breakable_stack)
            hit |= {asked for asked, status in found.items() if status == 503}
            wrong += [
                (name, asked, usual[asked], status)
                for asked, status in found.items()
                if status not in {503, usual[asked]}
            ]
    assert wrong == []
    assert {"book", "sign in", "a command's address"} <= hit
