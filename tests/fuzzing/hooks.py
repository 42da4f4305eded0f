"""What schemathesis loads: who asks, from where, and which failures are none, each with its reason.

Runs inside the `schemathesis` process. `HOLDFAST_FUZZ_AS` says whose credentials go along; the
stack's settings come by its own variables.
"""

from __future__ import annotations

import atexit
import os
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import msgspec
import schemathesis
from hypothesis import strategies as st
from schemathesis import AuthContext, Case, CheckContext, HookContext, SerializationContext
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response

from tests.fuzzing.accepted_failures import reason_for
from tests.fuzzing.bulk_bodies import rows_of_csv, rows_of_json
from tests.fuzzing.credentials import Key, Logins
from tests.fuzzing.known_ids import known_path, near
from tests.fuzzing.people import PEOPLE
from tests.support.conformance.answers import conformance

AS = os.environ.get("HOLDFAST_FUZZ_AS", "")
"""One of `tests.fuzzing.schemathesis_run.CALLERS`."""

_numbers = count()

schemathesis.openapi.format("iana-time-zone", st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]))
schemathesis.openapi.format("phone", st.integers(2_025_550_000, 2_025_559_999).map(str))
schemathesis.openapi.format("csv", rows_of_csv())
schemathesis.openapi.format("ndjson", rows_of_json())
schemathesis.openapi.format("ip-network", st.sampled_from(["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"]))


@schemathesis.serializer("text/csv", "application/x-ndjson", "application/jsonl")
def _as_it_is(_context: SerializationContext, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def map_path_parameters(_context: HookContext, path_parameters: Any) -> Any:
    return known_path(path_parameters)


@schemathesis.hook
def map_body(_context: HookContext, body: Any) -> Any:
    return near(body)


if AS == "agent" or AS in PEOPLE:
    credentials: Logins | Key = Key() if AS == "agent" else Logins(PEOPLE[AS])

    @schemathesis.auth(refresh_interval=None)
    class Fresh:
        """Asked for anew for each case: what one case ends (logout, a role) the next one does not miss."""

        def get(self, _case: Case[Any], _context: AuthContext) -> str | None:
            return credentials.header()

        def set(self, case: Case[Any], header: str, _context: AuthContext) -> None:
            case.headers["Authorization"] = header


@schemathesis.hook
def before_call(_context: HookContext, case: Case[Any], _kwargs: dict[str, Any]) -> None:
    """Every case from an address of its own, so that limits by address do not refuse them all."""
    number = next(_numbers)
    case.headers["X-Forwarded-For"] = f"10.{80 + number // 62_500}.{number // 250 % 250}.{number % 250 + 1}"


def _bytes_of(header: str | bytes) -> bytes:
    """As requests sends it (RFC 9110, 5.5); httpx takes ASCII only."""
    return header if isinstance(header, bytes) else header.encode("latin-1", "replace")


@schemathesis.check
def as_described(_context: CheckContext, response: Response, _case: Case[Any]) -> None:
    """What all tests ask of every answer, too: no field more than is described."""
    asked: Any = response.request
    sent = [(_bytes_of(name), _bytes_of(value)) for name, value in asked.headers.items()]
    request = httpx.Request(asked.method, asked.url, headers=sent, content=asked.body or b"")
    # Its content is unpacked already.
    headers = [
        (name, value)
        for name, values in response.headers.items()
        for value in values
        if name.lower() not in {"content-encoding", "content-length"}
    ]
    conformance().check(
        httpx.Response(response.status_code, headers=headers, content=response.content, request=request)
    )


@atexit.register
def _tell_what_was_heard() -> None:
    Path(os.environ["HOLDFAST_FUZZ_HEARD"]).write_bytes(msgspec.json.encode(conformance().heard()))


@schemathesis.hook
def filter_failure(_context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Whether it is one."""
    return reason_for(failure, case, response) is None
