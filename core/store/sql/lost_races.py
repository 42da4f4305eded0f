"""Races that a statement finds out itself, so that a batch and its commit go in one round trip."""

from __future__ import annotations

LOST_RACE = "HF001"
"""SQLSTATE of `batch_lost_race()`: a row that the batch counted on was written or taken by somebody else first."""


def require_all(statement: str) -> str:
    """A statement that answers rows (`RETURNING`), failing unless they are as many as one more parameter says."""
    return f"WITH met AS ({statement}) {require_count('met')}"


def require_count(rows: str) -> str:
    """For the end of a statement: fail unless `rows`, by name, are as many as the last parameter says."""
    return f"SELECT CASE WHEN count(*) <> %s THEN batch_lost_race() END FROM {rows}"
