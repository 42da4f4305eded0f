"""gunicorn's check of an answer's headers, without looking at each name again with each answer.

What is not plainly sound goes gunicorn's own way, so what is refused stays the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from gunicorn.asgi import protocol

Framing = tuple[bool, bytes | str | None, bool]
"""Whether there is a `Content-Length`, its value, and whether there is a `Transfer-Encoding`."""

NAMES_MAX = 256
"""Of headers that we answer with: they stand in the code, so they are fewer."""

_gunicorns = protocol._scan_response_headers  # noqa: SLF001 - it has no other name
_is_value = protocol._HEADER_VALUE_RE.fullmatch  # noqa: SLF001


def scan(headers: Sequence[tuple[bytes, bytes]]) -> Framing:
    """How an answer is framed. Raises as gunicorn does for a header that would break it."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        known = _lower(name) if type(name) is bytes is type(value) else None
        if known is None or not _is_value(value):
            framing: Framing = _gunicorns(headers)
            return framing
        found[known] = value
    return b"content-length" in found, found.get(b"content-length"), b"transfer-encoding" in found


@lru_cache(maxsize=NAMES_MAX)
def _lower(name: bytes) -> bytes | None:
    """A header's name in lower case; None for what is none."""
    return name.lower() if protocol._HEADER_NAME_RE.fullmatch(name) else None  # noqa: SLF001


def install() -> None:
    """Let every HTTP connection of this process check so, and not say which server it is."""
    protocol._scan_response_headers = scan  # noqa: SLF001
    protocol._CACHED_SERVER_HEADER = b""  # noqa: SLF001 - a line of every answer that names no server
