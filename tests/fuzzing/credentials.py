"""Whose credentials go along with the cases: logins of the demo's people, or an agent key."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from threading import Lock
from typing import Any, TypeVar

import psycopg

from core.identity.credentials import agent_keys, login_sessions
from core.identity.credentials.agent_keys import NewKey
from core.identity.principals import issue_access_token
from core.settings import from_environment

T = TypeVar("T")
Connection = psycopg.AsyncConnection[Any]

WRITES_PER_MINUTE = 1_000_000
"""A limit that refuses everything would be all that is tested."""

_settings = from_environment(os.environ)


class Asking:
    """One connection, asked by one thread at a time."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._runner = asyncio.Runner()
        self._connection: Connection | None = None

    def ask(self, question: Callable[[Connection], Awaitable[T]]) -> T:
        with self._turn:
            return self._runner.run(self._ask(question))

    async def _ask(self, question: Callable[[Connection], Awaitable[T]]) -> T:
        if self._connection is None:
            self._connection = await psycopg.AsyncConnection.connect(_settings.database_url, autocommit=True)
        return await question(self._connection)


class Logins:
    """A new login of one user each time."""

    def __init__(self, user_id: int) -> None:
        self._user_id = user_id
        self._asking = Asking()

    def header(self) -> str | None:
        return self._asking.ask(self._login)

    async def _login(self, connection: Connection) -> str | None:
        found = await connection.execute("SELECT auth_epoch FROM user_account WHERE id = %s", [self._user_id])
        row = await found.fetchone()
        if row is None:
            return None
        login = await login_sessions.begin(connection, self._user_id, row[0], "", with_body_family=False)
        return None if login is None else f"Bearer {issue_access_token(_settings, login.claims, datetime.now(UTC))}"


class Key:
    """One agent key for all cases: none of its routes can revoke it."""

    def __init__(self) -> None:
        made = Asking().ask(lambda connection: agent_keys.make(connection, _NEW, None))
        assert made is not None, "there are as many agent keys as there may be"
        self._header = f"Token {made[1]}"

    def header(self) -> str:
        return self._header


_NEW = NewKey("fuzzing", writes_per_minute=WRITES_PER_MINUTE)
