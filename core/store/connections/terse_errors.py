"""psycopg's errors say no more than PostgreSQL's own log may: the first line, without the data in it.

DETAIL shows the key or the whole row that was refused, CONTEXT and HINT can too, and an error's words go into logs,
tracebacks and notes of what failed. Code that needs more reads `problem.diag`. The package patches psycopg when it is
imported, before any of its errors can be raised.
"""

from __future__ import annotations

import re
from functools import wraps
from typing import Any

import psycopg
from psycopg.errors import Diagnostic

_QUOTED = re.compile('".*"', re.DOTALL)
"""A value in it may hold quotes and line ends of its own."""
BLANK = '"..."'
_DATA = "22"
"""The class of errors whose first line quotes the value that it is about; others quote names of the schema there."""

_as_it_comes = psycopg.Error.__init__


def first_line(found: Diagnostic) -> str | None:
    """None: it is no error that the server reported."""
    words = found.message_primary
    if words is not None and (found.sqlstate or "").startswith(_DATA):
        return _QUOTED.sub(BLANK, words)
    return words


@wraps(_as_it_comes)
def _terse(problem: psycopg.Error, *words: Any, info: Any = None, encoding: str = "utf-8", pgconn: Any = None) -> None:
    first = None if info is None else first_line(Diagnostic(info, encoding=encoding))
    _as_it_comes(problem, *(words if first is None else (first,)), info=info, encoding=encoding, pgconn=pgconn)


def patch() -> None:
    """Once a process."""
    psycopg.Error.__init__ = _terse  # type: ignore[assignment, method-assign]
