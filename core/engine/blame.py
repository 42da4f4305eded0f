"""Whose fault a failed batch is: nobody's (an outage), somebody else's success, or a command's."""

from __future__ import annotations

import psycopg

from core.store.races import LOST_RACE
from core.store.round_trip import STALE_STATES

LOST_RACE_STATES = STALE_STATES | {LOST_RACE, "23P01", "23505", "23503", "40P01", "40001"}
"""A statement to prepare again; what a batch says itself; exclusion and unique violations, deadlock, serialization. An
overlap may deadlock instead of violating. A missing foreign key too: who a booking names was deleted meanwhile."""

OUTAGE_CLASSES = ("08", "40", "53", "57")
OUTAGE_STATES = frozenset({"55P03", "25P03", "25P04"})
"""Connection, rollback (deadlock, serialization), resources, operator; lock and session timeouts."""


def is_outage(problem: BaseException) -> bool:
    """Whether nobody's command is to blame: the database was away, full, or asked us to retry."""
    if not isinstance(problem, psycopg.Error):
        return False
    state = problem.sqlstate
    if state is None:
        return isinstance(problem, psycopg.OperationalError | psycopg.InterfaceError)
    return state.startswith(OUTAGE_CLASSES) or state in OUTAGE_STATES


def is_lost_race(problem: BaseException) -> bool:
    """Whether somebody else's commit came first: loaded again, the batch decides differently."""
    return isinstance(problem, psycopg.Error) and problem.sqlstate in LOST_RACE_STATES
