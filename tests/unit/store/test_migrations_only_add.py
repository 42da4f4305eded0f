"""Migrations only add: the previous release's processes keep working on the new schema, also after a rollback.

What is no longer used is dropped a release later, with its name and reason in `ALLOWED`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

VERSIONS = Path(__file__).parents[3] / "core" / "store" / "migrations" / "versions"
LAST_BEFORE_THE_RULE = "0019"
MIGRATIONS = [path for path in sorted(VERSIONS.glob("0*.py")) if path.stem[:4] > LAST_BEFORE_THE_RULE]

ALLOWED: dict[tuple[str, str], str] = {
    ("0029_indexes_of_large_tables", "drops: DROP INDEX CONCURRENTLY"): "its own, if a try that failed left one",
    ("0052_delivery_indexes", "drops: DROP INDEX CONCURRENTLY"): "of tables that no release has had",
    ("0036_inbox_readable", "drops: DROP INDEX CONCURRENTLY"): "its own, and one that the new one begins with",
    ("0053_moves_by_end", "drops: DROP INDEX CONCURRENTLY"): "its own, if a try that failed left one",
}
"""(migration, what it does, as `taken_away` says it): why no process of the release before misses it."""

TAKING_AWAY = {
    "drops": r"\bDROP\s+(?!NOT\s+NULL|TABLE\s+IF\s+EXISTS\s+pg_temp)\w+(?:\s+IF\s+EXISTS)?\s+\w+",
    "renames": r"\bRENAME\b(?:\s+COLUMN)?(?:\s+\w+)?\s+TO\s+\w+",
    "changes a type": r"\bALTER\s+(?:COLUMN\s+)?\w+\s+(?:SET\s+DATA\s+)?TYPE\s+\w+",
    "demands a value": r"\bALTER\s+(?:COLUMN\s+)?\w+\s+SET\s+NOT\s+NULL",
    "moves": r"\bSET\s+SCHEMA\s+\w+",
    "takes a right": r"\bREVOKE\s+\w+",
    "empties": r"\b(?:TRUNCATE(?!\s+ON\b)|DELETE\s+FROM)\s+\w+",
    "operates": r"\bop\.(?:drop_\w+|alter_column|rename_table)",
}
NEW_COLUMN = re.compile(
    r"\bADD\s+(?:COLUMN\s+)?(?:IF\s+NOT\s+EXISTS\s+)?(?!CONSTRAINT|CHECK|UNIQUE|FOREIGN|PRIMARY)(\w+)\s+[^,;]*",
    re.IGNORECASE,
)

WRITTEN_INTO_EACH_ROW = re.compile(
    r"\bSTORED\b|\bDEFAULT\s+\(?(?:clock_timestamp|gen_random_uuid|uuidv\d|random|nextval|timeofday)\b", re.IGNORECASE
)
"""Of a new column: PostgreSQL writes the table anew, which is empty to a snapshot from before; lists read in one."""


def taken_away(source: str) -> list[str]:
    """What a migration's statements would take away from a process that does not know it."""
    sql = re.sub(r"--[^\n]*|'[^']*'", "''", re.sub(r'\A\s*""".*?"""', "", source, flags=re.DOTALL))
    found = [
        f"{what}: {' '.join(one[0].split())}"
        for what, pattern in TAKING_AWAY.items()
        for one in re.finditer(pattern, sql, re.IGNORECASE)
    ]
    found += [
        f"writes the table anew: {one[1]}" for one in NEW_COLUMN.finditer(sql) if WRITTEN_INTO_EACH_ROW.search(one[0])
    ]
    return found + [
        f"demands a value: {one[1]}"
        for one in NEW_COLUMN.finditer(sql)
        if re.search(r"NOT\s+NULL", one[0], re.IGNORECASE)
        and not re.search(r"\b(?:DEFAULT|GENERATED)\b", one[0], re.IGNORECASE)
    ]


def test_no_migration_takes_anything_away() -> None:
    found = [
        f"{migration.stem} {one}"
        for migration in MIGRATIONS
        for one in taken_away(migration.read_text())
        if (migration.stem, one) not in ALLOWED
    ]
    assert not found, (
        f"{'; '.join(found)}. Processes of the previous release are running beside it: add what is new now, "
        "take the old away a release later, or say in ALLOWED why nobody misses it."
    )


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE lane_note;",
        "ALTER TABLE inbox DROP COLUMN weight;",
        "ALTER TABLE inbox DROP CONSTRAINT IF EXISTS inbox_check;",
        "ALTER TABLE inbox RENAME COLUMN weight TO heaviness;",
        "ALTER TABLE inbox RENAME weight TO heaviness;",
        "ALTER TABLE inbox RENAME TO letters;",
        "ALTER TABLE inbox ALTER COLUMN weight TYPE integer;",
        "ALTER TABLE inbox ALTER weight SET DATA TYPE integer;",
        "alter table inbox alter column owner set not null;",
        "ALTER TABLE inbox ADD COLUMN colour text NOT NULL;",
        "ALTER TABLE inbox ADD colour text NOT NULL, ADD COLUMN size integer NOT NULL DEFAULT 0;",
        "ALTER TABLE inbox SET SCHEMA old;",
        "ALTER TABLE inbox ADD COLUMN folded text GENERATED ALWAYS AS (lower(colour)) STORED;",
        "ALTER TABLE inbox ADD COLUMN since timestamptz NOT NULL DEFAULT clock_timestamp();",
        "REVOKE SELECT ON inbox FROM holdfast;",
        "TRUNCATE inbox;",
        "op.drop_column('inbox', 'weight')",
    ],
)
def test_what_takes_away_is_found(statement: str) -> None:
    assert len(taken_away(statement)) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE more (id bigint NOT NULL, name text NOT NULL);",
        "ALTER TABLE inbox ADD COLUMN colour text;",
        "ALTER TABLE inbox ADD COLUMN since timestamptz NOT NULL DEFAULT now();",
        "ALTER TABLE inbox ADD COLUMN colour text NOT NULL DEFAULT '';",
        "ALTER TABLE inbox ADD CONSTRAINT few CHECK (colour IS NOT NULL) NOT VALID;",
        "ALTER TABLE inbox ALTER COLUMN owner DROP NOT NULL;",
        "CREATE INDEX CONCURRENTLY more ON inbox (owner);",
        "COMMENT ON COLUMN inbox.owner IS 'DROP TABLE inbox';",
    ],
)
def test_what_adds_is_let_through(statement: str) -> None:
    assert taken_away(statement) == []
