"""One HTTP request at a time over a kept connection, with nothing of a library that hides when a connection broke."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

TIMEOUT_S = 30.0


class NotSentError(Exception):
    """Nobody took the connection."""


class BrokenError(Exception):
    """The request was sent, at least in part, and no answer came."""


class Reply(Struct, frozen=True):
    status: int
    headers: Mapping[str, str]
    """Names in small letters."""
    body: Any


class Connection:
    """To one server. A connection that may be stale is kept for what may be sent twice only."""

    def __init__(self, url: str) -> None:
        at = urlsplit(url)
        self._at = (at.hostname or "127.0.0.1", at.port or 80)
        self._open: http.client.HTTPConnection | None = None

    def send(self, method: str, path: str, body: Any, headers: Mapping[str, str], *, may_repeat: bool) -> Reply:
        """Raises NotSentError, BrokenError."""
        connection = self._connected(fresh=not may_repeat)
        encoded = None if body is None else json.dumps(body)
        sent = {**headers, **({} if encoded is None else {"Content-Type": "application/json"})}
        try:
            connection.request(method, path, encoded, sent)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as problem:
            self.close()
            raise BrokenError(type(problem).__name__) from None
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, named, _parsed(content))

    def _connected(self, *, fresh: bool) -> http.client.HTTPConnection:
        if fresh:
            self.close()
        if self._open is None:
            connection = http.client.HTTPConnection(*self._at, timeout=TIMEOUT_S)
            try:
                connection.connect()
            except OSError as problem:
                raise NotSentError(type(problem).__name__) from None
            self._open = connection
        return self._open

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return content.decode(errors="replace")[:300]
