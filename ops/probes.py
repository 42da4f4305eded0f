"""Questions to a running stack: does a part answer, did the canary arrive, is everything ready?"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import datetime
from typing import Any

import psycopg
from msgspec import Struct

from core.store.pulse import stages_heard

TIMEOUT_S = 3.0
PROXYLESS = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""A proxy of the person's environment has no business between us and 127.0.0.1."""


class Answer(Struct, frozen=True):
    """`status` 0: nobody answered."""

    status: int
    body: Any = None
    """JSON, where it was."""


def get(url: str, timeout_s: float = TIMEOUT_S) -> Answer:
    try:
        with PROXYLESS.open(url, timeout=timeout_s) as response:
            return Answer(response.status, _json(response.read()))
    except urllib.error.HTTPError as problem:
        return Answer(problem.code, _json(problem.read()))
    except OSError:
        return Answer(0)


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def canary_stages(database_url: str, since: datetime) -> set[str]:
    """Which of the stages `lanes` and `notifier` have heard a canary since then (database's clock)."""
    with psycopg.connect(database_url, connect_timeout=2) as connection:
        return stages_heard(connection, since)
