"""The operator's page says of every table how long its rows stay."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from core.store.maintenance.retention import KEPT, RetentionRule

ROOT = Path(__file__).parents[3]
ROW = re.compile(r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \| (.+) \|$", re.MULTILINE)


def made() -> set[str]:
    """The tables that the migrations leave behind."""
    tables: set[str] = set()
    for migration in sorted((ROOT / "core/store/migrations/versions").glob("0*.py")):
        text = migration.read_text()
        tables |= set(re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?([a-z_]+)", text))
        tables -= set(re.findall(r"^DROP TABLE (?:IF EXISTS )?([a-z_]+)", text, re.MULTILINE))
    return tables


def listed() -> list[tuple[str, str]]:
    page = (ROOT / "docs/operations.md").read_text()
    section = page.partition("**Every table**")[2].partition("\n\nThe `sweeps`")[0]
    return [(table, stay) for tables, stay in ROW.findall(section) for table in re.findall(r"[a-z_]+", tables)]


def test_every_table_is_listed_once() -> None:
    assert Counter(table for table, _ in listed()) == Counter(made())


@pytest.mark.parametrize("rule", KEPT, ids=lambda rule: rule.table)
def test_a_table_stays_as_long_as_the_sweep_says(rule: RetentionRule) -> None:
    assert dict(listed())[rule.table].startswith(rule.age)
