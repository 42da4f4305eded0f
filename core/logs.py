"""Structured logs: one JSON object a line on standard error, ours and the libraries' alike.

Every line carries the service, and what `bind` put into the context (request id, command id).
Values under names that mean a secret are blanked, whoever logs them.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any

import msgspec
import structlog
from structlog.contextvars import merge_contextvars

_SECRET_NAMES = re.compile(
    r"pass(word)?|secret|token|authorization|cookie|api_?key|csrf|dsn|database_url|redis_url", re.IGNORECASE
)
_URL_CREDENTIALS = re.compile(r"(\w+://[^/\s:@]*):[^@\s/]+@")
BLANK = "[blank]"

_encode = msgspec.json.Encoder(enc_hook=repr).encode


def configure(level: str, service: str) -> None:
    """Send all logging of this process to standard error as JSON lines. Call once, at the start."""
    shared: list[structlog.typing.Processor] = [
        merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _naming(service),
        structlog.processors.format_exc_info,
        blank_secrets,
    ]
    structlog.configure(
        processors=[*shared, _render_line],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
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


def blank_secrets(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank values named like secrets, and passwords inside addresses, at any depth."""
    for name, value in line.items():
        kind = type(value)
        is_plain = kind is int or kind is float or (kind is str and "://" not in value)
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


def _naming(service: str) -> structlog.typing.Processor:
    def name(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line["service"] = service
        return line

    return name


def _render_line(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> bytes:
    return _encode(line)


def _render_text(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> str:
    return _encode(line).decode()
