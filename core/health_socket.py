"""How a process answers its health check: one line on a Unix socket of its own container.

The check (`ops/health_probe.py`) is a Python without any import of ours; what is asked is asked in here, where
everything is loaded. `alive` is for what restarts processes, `ready` goes end to end.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg
import structlog
from msgspec import Struct

from core.settings import Settings
from core.store.connections.database import API_LIMITS, connect
from core.store.pulse import Pulse, read_pulse

log = structlog.get_logger()

WELL = "ok"
"""As `ops/health_probe.py` has it, which imports nothing of ours."""
READ_TIMEOUT_S = 1.0
QUESTION_MAX_BYTES = 16
PENDING = 4
"""Checks that may wait: one is asked after the other."""

Problem = Callable[[], str | None]
"""Returns what is wrong, or None."""


Judge = Callable[[Pulse], str | None]


def pulse_problem(settings: Settings, judge: Judge) -> str | None:
    """What `judge` says of the pipeline, on a connection of its own."""
    try:
        with connect(settings.database_url, API_LIMITS, "holdfast health") as connection:
            return judge(read_pulse(connection))
    except psycopg.OperationalError:
        return "PostgreSQL does not answer"


class Checks(Struct, frozen=True):
    alive: Problem
    """None while a restart would help nobody."""
    ready: Problem


def answer_checks(settings: Settings, checks: Checks) -> None:
    """From now on, on a thread of its own, until the process ends; nothing where no socket is asked for.

    The path is taken over from a process that died.
    """
    path = settings.health_socket
    if not path:
        return
    with suppress(FileNotFoundError):
        Path(path).unlink()
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(PENDING)
    threading.Thread(target=_serve, args=(server, checks), name="health", daemon=True).start()


def answer_to(question: str, checks: Checks) -> str:
    """One line. A check that fails by itself is a problem too."""
    ask = {"alive": checks.alive, "ready": checks.ready}.get(question)
    if ask is None:
        return "the question is neither alive nor ready"
    try:
        return (ask() or WELL).replace("\n", " ")
    except Exception as problem:
        log.exception("a health check failed")
        return f"the check failed: {problem!r}".replace("\n", " ")


def _serve(server: socket.socket, checks: Checks) -> None:
    while True:
        with suppress(OSError):  # the asker is gone
            connection, _ = server.accept()
            with connection:
                connection.settimeout(READ_TIMEOUT_S)
                question = connection.recv(QUESTION_MAX_BYTES).decode("ascii", "replace").strip()
                connection.sendall(f"{answer_to(question, checks)}\n".encode())
