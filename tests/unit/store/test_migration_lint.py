"""The linter finds each kind of migration that would hold up bookings, and lets through how it is done instead."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from tests.support.migration_lint import LEFT_OUT, Finding, findings, statements_of
from tests.support.pages import ROOT, sections

SETS = "SET lock_timeout = '1s';"
UNSETS = "SET lock_timeout = 0;"

IN_TRANSACTION = {
    "require-concurrent-index-creation": "CREATE INDEX more ON inbox (owner);",
    "require-concurrent-index-deletion": "DROP INDEX inbox_by_owner;",
    "ban-concurrent-index-creation-in-transaction": "CREATE INDEX CONCURRENTLY more ON inbox (owner);",
    "constraint-missing-not-valid": "ALTER TABLE inbox ADD CONSTRAINT few CHECK (owner IS NOT NULL);",
    "adding-foreign-key-constraint": "ALTER TABLE inbox ADD COLUMN room_id bigint REFERENCES room;",
    "disallowed-unique-constraint": "ALTER TABLE inbox ADD CONSTRAINT only_one UNIQUE (owner);",
    "adding-required-field": "ALTER TABLE inbox ADD COLUMN colour text NOT NULL;",
    "adding-field-with-default": "ALTER TABLE inbox ADD COLUMN since timestamptz DEFAULT clock_timestamp();",
    "adding-not-nullable-field": "ALTER TABLE inbox ALTER COLUMN owner SET NOT NULL;",
    "changing-column-type": "ALTER TABLE inbox ALTER COLUMN weight TYPE bigint;",
    "renaming-column": "ALTER TABLE inbox RENAME COLUMN weight TO heaviness;",
    "renaming-table": "ALTER TABLE inbox RENAME TO letters;",
    "ban-drop-column": "ALTER TABLE inbox DROP COLUMN weight;",
    "ban-drop-table": "DROP TABLE lane_note;",
    "ban-drop-constraint": "ALTER TABLE inbox DROP CONSTRAINT inbox_check;",
    "ban-truncate-cascade": "TRUNCATE inbox CASCADE;",
    "ban-char-field": "CREATE TABLE more (name char(5));",
    "rows-written-at-once": "UPDATE booking SET note = '' WHERE note IS NULL;",
}
"""By rule: a migration that breaks it in its own transaction."""
ELSEWHERE = {
    "require-lock-timeout": "BEGIN; ALTER TABLE inbox ADD COLUMN colour text; COMMIT;",
    "unbounded-lock-wait": f"{SETS} {UNSETS} ALTER TABLE inbox ADD COLUMN colour text; {SETS}",
    "index-not-dropped-first": f"{SETS} {UNSETS} CREATE INDEX CONCURRENTLY IF NOT EXISTS more ON inbox (owner); {SETS}",
}
BAD = {rule: f"{SETS} BEGIN; {sql} COMMIT;" for rule, sql in IN_TRANSACTION.items()} | ELSEWHERE

ALSO_BAD = {
    "unbounded-lock-wait": [
        f"{SETS} SET LOCAL lock_timeout TO '0'; CREATE TRIGGER t BEFORE INSERT ON inbox EXECUTE FUNCTION f(); {SETS}",
        f"{SETS} SET lock_timeout = DEFAULT; DROP TRIGGER t ON inbox; {SETS}",
        f"{SETS} SET lock_timeout = '0s'; LOCK TABLE inbox; {SETS}",
    ],
    "rows-written-at-once": [
        f"{SETS} BEGIN; DELETE FROM ONLY booking; COMMIT;",
        f"{SETS} BEGIN; CREATE TABLE more (id bigint); INSERT INTO booking_copy SELECT * FROM booking; COMMIT;",
        f"{SETS} BEGIN; WITH old AS (SELECT id FROM booking) UPDATE booking SET note = '' FROM old; COMMIT;",
        f"{SETS} BEGIN; MERGE INTO booking USING more ON true WHEN MATCHED THEN DELETE; COMMIT;",
    ],
}
"""Other ways to break the rules of our own."""

GOOD = {
    "adds": """
        CREATE TABLE more (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner text NOT NULL UNIQUE);
        CREATE INDEX more_by_owner ON more (owner);
        INSERT INTO more (owner) SELECT owner FROM inbox;
        ALTER TABLE inbox ADD COLUMN colour text, ADD COLUMN put_offs smallint NOT NULL DEFAULT 0;
        ALTER TABLE inbox ADD CONSTRAINT few CHECK (colour IS NOT NULL) NOT VALID;
        INSERT INTO installation (id, lanes) VALUES (1, 2);
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE booking SET note = ''; END $$;
        COMMENT ON TABLE more IS 'UPDATE booking SET x = 1; -- not done';
    """,
    "builds an index": "DROP INDEX CONCURRENTLY IF EXISTS more; CREATE INDEX CONCURRENTLY more ON inbox (owner);",
    "fills in small transactions": "DO $$ BEGIN LOOP UPDATE booking SET note = ''; COMMIT; END LOOP; END $$;",
}


@pytest.fixture(scope="module")
def found() -> Mapping[str, list[Finding]]:
    """All in one start of the linter."""
    also = {f"{rule} {number}": sql for rule, more in ALSO_BAD.items() for number, sql in enumerate(more)}
    good = {what: f"{SETS} {UNSETS} {sql} {SETS}" for what, sql in GOOD.items()}
    good["adds"] = f"{SETS} BEGIN; {GOOD['adds']} COMMIT;"
    return findings({name: sql.splitlines() for name, sql in {**BAD, **also, **good}.items()})


@pytest.mark.parametrize("rule", BAD)
def test_a_migration_that_breaks_a_rule_is_found(rule: str, found: Mapping[str, list[Finding]]) -> None:
    assert rule in {one.rule for one in found[rule]}


@pytest.mark.parametrize("rule", ALSO_BAD)
def test_other_ways_to_break_our_own_rules_are_found(rule: str, found: Mapping[str, list[Finding]]) -> None:
    for number in range(len(ALSO_BAD[rule])):
        assert rule in {one.rule for one in found[f"{rule} {number}"]}, ALSO_BAD[rule][number]


@pytest.mark.parametrize("what", GOOD)
def test_how_it_is_done_instead_is_let_through(what: str, found: Mapping[str, list[Finding]]) -> None:
    assert list(map(str, found[what])) == []


def test_the_page_says_for_each_rule_what_to_write_instead() -> None:
    table = sections((ROOT / "docs" / "releases.md").read_text())["How a migration is written"]
    assert set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", table)) == set(BAD)


def test_no_rule_that_is_left_out_is_one_that_locks() -> None:
    assert not {rule for rule in LEFT_OUT if rule in BAD}


def test_statements_are_told_apart_whatever_their_texts_hold() -> None:
    sql = "SELECT 'a;b' -- c;\n; /* d; */ CREATE FUNCTION f() AS $x$ e; $$ $x$;\nSELECT 'it''s;' "
    assert list(statements_of(sql)) == ["SELECT 'a;b'", "CREATE FUNCTION f() AS $$", "SELECT 'it''s;'"]
