"""What a database error means for the request that met it: one table, by SQLSTATE.

Only an error about the request's own data is a 400. If code and database do not fit, or the database cannot
work, it is a 503: the request is good and can be sent again. The engine's table, for commands that are already
accepted, is `core/engine/verdicts.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import Enum, auto
from typing import NamedTuple, TypeVar

import psycopg

T = TypeVar("T")

LOOK_UP_TRIES = 20
LOOK_UP_PAUSE_S = 0.25


class Meaning(Enum):
    """What such an error means for the request whose statement failed."""

    OWN_DATA = auto()
    """Its values cannot be stored: 400. In a group it fails alone."""
    ALREADY_THERE = auto()
    """Its row exists already: looked up by its id. In a group it is looked up alone."""
    UNPREPARED = auto()
    """The session has lost a prepared statement: prepared and sent again."""
    BUSY = auto()
    """A timeout before anything was written: 503."""
    NOT_FITTING = auto()
    """Code and database do not fit, or it takes no writes now; nothing was written: 503."""
    UNKNOWN = auto()
    """It may have been written: looked up by its id, else 503 with its address."""


class Row(NamedTuple):
    state: str
    """A SQLSTATE, or a class: its first two characters. A whole state goes before its class."""
    meaning: Meaning
    reason: str


TABLE = (
    Row("0A", Meaning.NOT_FITTING, "a feature that this server, or a pooler before it, does not have"),
    Row("0A000", Meaning.UNPREPARED, "a migration changed what a prepared statement returns"),
    Row("22", Meaning.OWN_DATA, "a value that its type cannot hold"),
    Row("22023", Meaning.NOT_FITTING, "a parameter of the session, never a column's value"),
    Row("23", Meaning.OWN_DATA, "a value that a constraint refuses"),
    Row("23502", Meaning.NOT_FITTING, "a column that the schema demands and our statement does not know"),
    Row("23505", Meaning.ALREADY_THERE, "the command's id is on disk: an earlier try of the same request succeeded"),
    Row("25", Meaning.NOT_FITTING, "the session takes no writes: read-only, or in a transaction that ended"),
    Row("26", Meaning.UNPREPARED, "the session does not know a prepared statement: a pooler, DISCARD or DEALLOCATE"),
    Row("28", Meaning.NOT_FITTING, "the role may not sign in"),
    Row("3D", Meaning.NOT_FITTING, "the database does not exist"),
    Row("3F", Meaning.NOT_FITTING, "the schema does not exist"),
    Row("42", Meaning.NOT_FITTING, "a column, table or right that is missing, or syntax: never a value"),
    Row("53", Meaning.NOT_FITTING, "no room: disk, memory, connections"),
    Row("54", Meaning.OWN_DATA, "a value that is too deep or too long for any server"),
    Row("55", Meaning.NOT_FITTING, "an object that is not in the state for it"),
    Row("55P03", Meaning.BUSY, "a lock was not granted within lock_timeout"),
    Row("57014", Meaning.BUSY, "cancelled by statement_timeout"),
)
"""Everything else is `UNKNOWN`: 08 and 57 (the connection ends), 40 (rolled back, or unknown: 40003), 58 and XX (the
server's own faults, which can happen during a commit), and whatever a future server reports."""

_MEANINGS = {row.state: row.meaning for row in TABLE}


def meaning_of(problem: BaseException) -> Meaning:
    """Unknown for an error without a SQLSTATE, which did not come from the server."""
    state = problem.sqlstate if isinstance(problem, psycopg.Error) else None
    if state is None:
        return Meaning.UNKNOWN
    return _MEANINGS.get(state) or _MEANINGS.get(state[:2]) or Meaning.UNKNOWN


def is_own_data(problem: BaseException) -> bool:
    return meaning_of(problem) is Meaning.OWN_DATA


def is_outage(problem: BaseException) -> bool:
    """Whether a request without a command can be sent again. Otherwise it met a bug of ours: a value that should have
    been refused earlier, or a mistake that psycopg itself noticed.
    """
    if isinstance(problem, psycopg.Error) and problem.sqlstate is None:
        return isinstance(problem, psycopg.OperationalError | psycopg.InterfaceError)
    return meaning_of(problem) not in {Meaning.OWN_DATA, Meaning.ALREADY_THERE}


async def after_broken_commit(look_up: Callable[[], Awaitable[T]]) -> T | None:
    """What `look_up` finds, as soon as the database answers; None if it does not for some seconds.

    When a connection breaks during a commit, only looking tells whether it was committed.
    """
    for _ in range(LOOK_UP_TRIES):
        with suppress(psycopg.Error):
            return await look_up()
        await asyncio.sleep(LOOK_UP_PAUSE_S)
    return None
