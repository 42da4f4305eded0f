"""Whose fault a failed batch is, by SQLSTATE, in one table.

A command is charged only for its own data, or for a bug that it meets. No accepted command is ever parked for a fault
that the database reports about itself. The API's table, for commands that are not accepted yet, is in
`api/http/database_errors.py`.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

import psycopg

from core.store.sql.lost_races import LOST_RACE


class Verdict(Enum):
    """What becomes of a batch that ended in such an error."""

    OWN = auto()
    """The batch is halved until the command at fault is alone; it is charged an attempt, and parked after three."""
    LOST_RACE = auto()
    """The batch is decided again at once. If the race is lost too often, the verdict on the error's class counts."""
    SLOW = auto()
    """An outage; but if the database answered others meanwhile, the batch is halved, and a command that is slow
    alone is charged."""
    MISMATCH = auto()
    """Code and database do not fit. A command that fails while others are decided is put off, and never charged."""
    OUTAGE = auto()
    """The database is down, full or stopping: decided again after a pause, and no command is charged. One that fails
    repeatedly while others are decided is put off, as for a mismatch."""


class Row(NamedTuple):
    state: str
    """A SQLSTATE, or a class: its first two characters. A whole state goes before its class."""
    verdict: Verdict
    reason: str


TABLE = (
    Row("00", Verdict.MISMATCH, "no error: raised by a function, not about the command"),
    Row("01", Verdict.MISMATCH, "a warning"),
    Row("02", Verdict.MISMATCH, "no data, where a statement of ours demands some"),
    Row("03", Verdict.MISMATCH, "a statement is not complete yet: the session was used in the wrong order"),
    Row("08", Verdict.SLOW, "the connection is lost, by an outage or by what the command does to the server"),
    Row("09", Verdict.MISMATCH, "a trigger that somebody added failed"),
    Row("0A", Verdict.MISMATCH, "a feature that this server does not have"),
    Row("0A000", Verdict.LOST_RACE, "a migration changed what a prepared statement returns: prepared again"),
    Row("0B", Verdict.MISMATCH, "a transaction that cannot begin"),
    Row("0F", Verdict.MISMATCH, "a large object's locator: we use none"),
    Row("0L", Verdict.MISMATCH, "a right that cannot be granted"),
    Row("0P", Verdict.MISMATCH, "a role that does not exist or does not fit"),
    Row("0Z", Verdict.MISMATCH, "diagnostics asked for in the wrong place"),
    Row("10", Verdict.MISMATCH, "XQuery: we use none"),
    Row("20", Verdict.MISMATCH, "a CASE in somebody's function has no branch for this"),
    Row(
        "21",
        Verdict.MISMATCH,
        "a statement that expects one row met several: ours is wrong, or a constraint is missing",
    ),
    Row("22", Verdict.OWN, "a value that its type cannot hold"),
    Row("22023", Verdict.MISMATCH, "a parameter of the session or of a function, never a column's value"),
    Row("23", Verdict.OWN, "a value that a constraint refuses"),
    Row("23502", Verdict.MISMATCH, "a column that the schema demands and our statement does not know"),
    Row("23503", Verdict.LOST_RACE, "a person or thing that a booking names was deleted meanwhile: loaded again"),
    Row("23505", Verdict.LOST_RACE, "another transaction wrote that row first: loaded again"),
    Row("23P01", Verdict.LOST_RACE, "another transaction took that time first: loaded again"),
    Row("24", Verdict.MISMATCH, "a cursor's state: we use none"),
    Row("25", Verdict.MISMATCH, "a transaction's state, e.g. failed already"),
    Row("25006", Verdict.OUTAGE, "the database takes no writes: a standby, or set to read-only"),
    Row("25P03", Verdict.SLOW, "idle in its transaction for too long: a command computes, or its worker was stopped"),
    Row("25P04", Verdict.SLOW, "the transaction took too long"),
    Row("26", Verdict.MISMATCH, "a statement's name"),
    Row("26000", Verdict.LOST_RACE, "the session does not know a prepared statement: prepared again"),
    Row("27", Verdict.MISMATCH, "a trigger changed what its statement was changing"),
    Row("28", Verdict.OUTAGE, "the role may not sign in"),
    Row("2B", Verdict.MISMATCH, "rights that depend on rights"),
    Row("2D", Verdict.MISMATCH, "a commit inside somebody's function"),
    Row("2F", Verdict.MISMATCH, "an SQL function that somebody added failed"),
    Row("34", Verdict.MISMATCH, "a cursor's name: we use none"),
    Row("38", Verdict.MISMATCH, "a function from outside failed"),
    Row("39", Verdict.MISMATCH, "a function from outside was called wrongly"),
    Row("3B", Verdict.MISMATCH, "a savepoint that is not there"),
    Row("3D", Verdict.OUTAGE, "the database does not exist"),
    Row("3F", Verdict.MISMATCH, "the schema does not exist"),
    Row("40", Verdict.OUTAGE, "rolled back in favour of others"),
    Row("40001", Verdict.LOST_RACE, "not serializable: loaded again"),
    Row("40P01", Verdict.LOST_RACE, "a deadlock; an overlap may deadlock instead of violating: loaded again"),
    Row(
        "42",
        Verdict.MISMATCH,
        "a column, table or right that is missing, a type that differs, or syntax: never a value",
    ),
    Row("44", Verdict.MISMATCH, "a view's condition: we write through none"),
    Row("53", Verdict.OUTAGE, "no room: disk, memory, connections"),
    Row("54", Verdict.MISMATCH, "a limit of the server: a statement, a row or an index entry that it cannot hold"),
    Row("55", Verdict.OUTAGE, "an object that is not in the state for it, e.g. in use"),
    Row("55P03", Verdict.OUTAGE, "another transaction holds a lock for longer than lock_timeout"),
    Row("57", Verdict.OUTAGE, "an operator's intervention: a stop, a crash, a start"),
    Row("57014", Verdict.SLOW, "cancelled by statement_timeout, or by an operator"),
    Row("58", Verdict.OUTAGE, "the server's own system: I/O, a file that is missing"),
    Row("72", Verdict.OUTAGE, "a snapshot that is too old"),
    Row("F0", Verdict.OUTAGE, "the server's configuration file"),
    Row("HV", Verdict.MISMATCH, "a foreign table that somebody added failed"),
    Row("P0", Verdict.MISMATCH, "somebody's function or trigger refuses, and does not say whose fault it is"),
    Row("XX", Verdict.OUTAGE, "the server's own mistake, or its data or indexes are damaged"),
    Row(LOST_RACE, Verdict.LOST_RACE, "another transaction changed the batch's rows first: loaded again"),
    Row(LOST_RACE[:2], Verdict.OWN, "the same, again and again: the command meets a bug of ours"),
)

_VERDICTS = {row.state: row.verdict for row in TABLE}


def verdict_of(problem: BaseException) -> Verdict:
    """A code of a server that is newer than this table is a mismatch."""
    if not isinstance(problem, psycopg.Error):
        return Verdict.OWN
    state = problem.sqlstate
    if state is None:
        lost = isinstance(problem, psycopg.OperationalError | psycopg.InterfaceError)
        return Verdict.SLOW if lost else Verdict.OWN  # the rest are mistakes that psycopg itself noticed
    return _VERDICTS.get(state) or of_its_class(problem)


def of_its_class(problem: BaseException) -> Verdict:
    """The verdict on a race that was lost too often."""
    state = problem.sqlstate if isinstance(problem, psycopg.Error) else None
    return _VERDICTS.get(state[:2], Verdict.MISMATCH) if state else Verdict.OWN


def is_outage(problem: BaseException) -> bool:
    """Whether no command is at fault, as far as the error tells."""
    return verdict_of(problem) is not Verdict.OWN and not is_lost_race(problem)


def is_lost_race(problem: BaseException) -> bool:
    """Whether another commit came first: loaded again, the batch is decided differently."""
    return verdict_of(problem) is Verdict.LOST_RACE


def is_lost(problem: BaseException) -> bool:
    """Whether the connection was lost, without an error from the server."""
    return isinstance(problem, psycopg.Error) and (problem.sqlstate is None or problem.sqlstate.startswith("08"))
