"""Lost races, found by the statements themselves, so that a batch and its commit go in one round trip."""

from __future__ import annotations

LOST_RACE = "HF001"
"""SQLSTATE of `batch_lost_race()`: another transaction wrote or took a row that the batch counted on."""


def require_all(statement: str) -> str:
    """A statement with `RETURNING` that fails unless its rows are as many as one more parameter says."""
    return f"WITH met AS ({statement}) {require_count('met')}"


def require_count(rows: str) -> str:
    """For the end of a statement: fail unless `rows`, by name, are as many as the last parameter says."""
    return f"SELECT CASE WHEN count(*) <> %s THEN batch_lost_race() END FROM {rows}"
