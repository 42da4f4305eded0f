"""What schemathesis loads: who asks, from where, and which failures are none, each with its reason.

Runs inside the `schemathesis` process. `HOLDFAST_FUZZ_AS` says whose credentials go along; the
stack's settings come by its own variables.
"""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from itertools import count
from threading import Lock
from typing import Any

import psycopg
import schemathesis
from hypothesis import strategies as st
from schemathesis import AuthContext, Case, HookContext, SerializationContext
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response

from core.access import issue_access_token
from core.identity import sessions
from core.settings import from_environment
from tests.fuzzing.reasons import reason_for

PEOPLE = {"user": 1, "staff": 4}
"""Ids of the demo's accounts; the second is a superuser's."""
AS = os.environ.get("HOLDFAST_FUZZ_AS", "")

_settings = from_environment(os.environ)
_numbers = count()

schemathesis.openapi.format("iana-time-zone", st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]))
schemathesis.openapi.format("phone", st.integers(2_025_550_000, 2_025_559_999).map(str))
schemathesis.openapi.format("ip-network", st.sampled_from(["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"]))


@schemathesis.serializer("application/x-ndjson", "application/ndjson", "application/jsonl")
def _as_lines(_context: SerializationContext, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


class Logins:
    """New logins of one user, over one connection."""

    def __init__(self, user_id: int) -> None:
        self._user_id = user_id
        self._turn = Lock()
        self._runner = asyncio.Runner()
        self._connection: psycopg.AsyncConnection[Any] | None = None

    def token(self) -> str | None:
        with self._turn:
            return self._runner.run(self._token())

    async def _token(self) -> str | None:
        if self._connection is None:
            self._connection = await psycopg.AsyncConnection.connect(_settings.database_url, autocommit=True)
        found = await self._connection.execute("SELECT auth_epoch FROM user_account WHERE id = %s", [self._user_id])
        row = await found.fetchone()
        if row is None:
            return None
        login = await sessions.begin(self._connection, self._user_id, row[0], "", with_body_family=False)
        return None if login is None else issue_access_token(_settings, login.claims, datetime.now(UTC))


if AS in PEOPLE:
    logins = Logins(PEOPLE[AS])

    @schemathesis.auth(refresh_interval=None)
    class FreshLogin:
        """A login for each case: what one case ends (logout, a role) the next one does not miss."""

        def get(self, _case: Case[Any], _context: AuthContext) -> str | None:
            return logins.token()

        def set(self, case: Case[Any], token: str, _context: AuthContext) -> None:
            case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.hook
def before_call(_context: HookContext, case: Case[Any], _kwargs: dict[str, Any]) -> None:
    """Every case from an address of its own, so that limits by address do not refuse them all."""
    number = next(_numbers)
    case.headers["X-Forwarded-For"] = f"10.{80 + number // 62_500}.{number // 250 % 250}.{number % 250 + 1}"


@schemathesis.hook
def filter_failure(_context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Whether it is one."""
    return reason_for(failure, case, response) is None
