"""Structured logs: one JSON object a line on standard error, for our own lines and those of libraries.

Every line carries the service, and what `begin` and `bind` put into the context (request id, command id).
A value whose name says that it is a secret is blanked, wherever it is logged.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec
import structlog
from structlog.processors import format_exc_info

_SECRET_NAMES = re.compile(
    r"pass(word)?|secret|token|authorization|cookie|api_?key|csrf|dsn|database_url|redis_url", re.IGNORECASE
)
_URL_CREDENTIALS = re.compile(r"(\w+://[^/\s:@]*):[^@\s/]+@")
BLANK = "[blank]"
_PATH_TOKEN = re.compile(r"[A-Za-z0-9_%-]{40,}")
"""What can only be a token where an address has its parts: 256 bits are 43 letters, the ids of everything else fewer."""
_PATH_TOKEN_MIN_CHARS = 40
_PLAIN = frozenset({bool, int, float, UUID, type(None)})
"""Types whose values cannot hold a secret."""
STANDARD_ERROR = 2
"""The file descriptor, whatever `sys.stderr` was replaced with."""
WRITE_MAX_BYTES = 4096
"""Size of one write: up to PIPE_BUF, a pipe mixes no other process's lines into it."""

_bound: ContextVar[Mapping[str, Any]] = ContextVar("bound to every line", default=MappingProxyType({}))
_held: ContextVar[list[bytes] | None] = ContextVar("lines held back", default=None)
_encode = msgspec.json.Encoder(enc_hook=repr).encode


def configure(level: str, service: str) -> None:
    """Send all logging of this process to standard error as JSON lines. Call once, at the start."""
    shared: list[structlog.typing.Processor] = [_completing(service)]
    structlog.configure(
        processors=[*shared, _render_line],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=Lines,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _render_text],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    for chatty in (
        "kombu",
        "stripe",  # at DEBUG it would log client secrets
        "urllib3",
        "httpx",
        "httpcore",
        "asyncio",
        "alembic",
        "celery.beat",
        "celery.worker.strategy",
        "celery.app.trace",
    ):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def begin(**fields: Any) -> None:
    """Every line of this context carries these from now on, and nothing that was bound before."""
    _bound.set(fields)


def bind(**fields: Any) -> None:
    """Every line of this context carries these too from now on."""
    _bound.set({**_bound.get(), **fields})


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Every line that is logged inside carries these too."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


class Lines:
    """Where structlog sends each finished line. It is written at once, so that no line about an answer is ever lost."""

    def __init__(self, *_names: Any) -> None:
        pass

    def say(self, line: bytes) -> None:
        held = _held.get()
        if held is None:
            _write(line + b"\n")
        else:
            held.append(line)

    debug = info = warning = error = critical = say


@contextmanager
def together() -> Iterator[None]:
    """Hold back what is logged inside the block and write it at its end: many lines in few system calls."""
    held: list[bytes] = []
    token = _held.set(held)
    try:
        yield
    finally:
        _held.reset(token)
        for chunk in _chunks(held):
            _write(chunk)


def _chunks(lines: Iterable[bytes]) -> Iterator[bytes]:
    chunk = b""
    for line in lines:
        if chunk and len(chunk) + len(line) >= WRITE_MAX_BYTES:
            yield chunk
            chunk = b""
        chunk += line + b"\n"
    if chunk:
        yield chunk


def _write(rest: bytes) -> None:
    while rest:
        rest = rest[os.write(STANDARD_ERROR, rest) :]


def blank_secrets(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank values named like secrets, and passwords inside addresses, at any depth."""
    for name, value in line.items():
        kind = type(value)
        is_plain = kind in _PLAIN or (kind is str and "://" not in value)
        if not is_plain or _is_secret(name):
            line[name] = _blanked(name, value)
    return line


@lru_cache(maxsize=512)
def _is_secret(name: str) -> bool:
    return _SECRET_NAMES.search(name) is not None


def _blanked(name: str, value: Any) -> Any:
    if _is_secret(name):
        return BLANK
    if isinstance(value, str):
        return _URL_CREDENTIALS.sub(rf"\1:{BLANK}@", value) if "://" in value else value
    if isinstance(value, dict):
        return {key: _blanked(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_blanked("", inner) for inner in value]
    return value


def without_tokens(path: str) -> str:
    """An address's path without the tokens that links have in it: whoever reads logs may not follow them."""
    return path if len(path) < _PATH_TOKEN_MIN_CHARS else _PATH_TOKEN.sub(BLANK, path)


def _completing(service: str) -> structlog.typing.Processor:
    """Adds what every line has, in one step, as it runs for each request and each decision."""

    def complete(logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line = {**_bound.get(), **line}
        if "exc_info" in line:
            line = format_exc_info(logger, method, line)
        line = blank_secrets(logger, method, line)
        line["level"] = method
        line["timestamp"] = datetime.now(UTC)
        line["service"] = service
        return line

    return complete


def _render_line(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> bytes:
    return _encode(line)


def _render_text(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> str:
    return _encode(line).decode()
