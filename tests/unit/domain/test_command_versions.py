"""Commands that an older worker could not decode carry a higher schema version, and wait for a newer worker.

`tests/fixtures/commands.json` records, by the version that each came with, all types, fields and values of the
releases so far. A release writes it anew: `python -m tests.unit.domain.test_command_versions`.
"""

from __future__ import annotations

import json
from enum import StrEnum

import msgspec
import pytest
from msgspec import Struct

from core.domain import versions
from core.domain.command_parts import Part, parts_of
from core.domain.commands import Actor, ActorKind, Cancel, Command, Place, PlaceAll, RowToPlace
from core.domain.versions import FIRST, SCHEMA_VERSION, SINCE, version_of
from tests.support.engine.command_record import RECORD, RELEASED
from tests.support.values import place

NEXT = max(RELEASED.values(), default=0) + 1


def name_of(part: Part) -> str:
    """As the record has it: `Cancel`, `Cancel.reason`, `Verb=cancel`."""
    if isinstance(part, tuple):
        return f"{part[0].__name__}.{part[1]}"
    return part.__name__ if isinstance(part, type) else f"{type(part).__name__}={part.value}"


PARTS = {name_of(part): part for kind in (*Command.__args__, Actor) for part in parts_of(kind)}


def undeclared() -> list[str]:
    return sorted(name for name, part in PARTS.items() if name not in RELEASED and SINCE.get(part, FIRST) < NEXT)


def test_what_is_new_carries_a_higher_version() -> None:
    assert not (new := undeclared()), (
        f"New in the commands: {', '.join(new)}. An older worker cannot decode them, or would not heed them: "
        f"list each in SINCE (core/domain/versions.py) with {NEXT}, and give a new field of a released type a default."
    )


def test_what_was_released_keeps_its_version() -> None:
    now = {name: SINCE.get(PARTS[name], FIRST) for name in RELEASED if name in PARTS}
    assert now == {name: version for name, version in RELEASED.items() if name in PARTS}


def test_what_was_released_is_still_decoded() -> None:
    gone = sorted(set(RELEASED) - set(PARTS))
    assert not gone, f"{', '.join(gone)}: commands that hold this may wait in an inbox. It must be decoded as before."


def test_a_new_field_of_a_released_type_has_a_default() -> None:
    for name, part in PARTS.items():
        if name in RELEASED or not isinstance(part, tuple) or part[0].__name__ not in RELEASED:
            continue
        (field,) = (one for one in msgspec.structs.fields(part[0]) if one.encode_name == part[1])
        assert field.default is not msgspec.NODEFAULT, f"{name} needs a default: commands without it may wait"


def test_a_new_field_is_found_missing_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(RELEASED, "Cancel.reason")
    assert undeclared() == ["Cancel.reason"]
    monkeypatch.setattr("tests.unit.domain.test_command_versions.SINCE", {**SINCE, (Cancel, "reason"): NEXT})
    assert undeclared() == []


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> int:
    """As if a field of every command, a field of a part and a value had come with the version after these."""
    version = SCHEMA_VERSION + 1
    since: dict[Part, int] = {
        (Cancel, "reason"): version,
        (Place, "notes"): version,
        ActorKind.AGENT: version + 1,
    }
    know(monkeypatch, {**SINCE, **since})
    return version


def know(monkeypatch: pytest.MonkeyPatch, since: dict[Part, int]) -> None:
    monkeypatch.setattr(versions, "SINCE", since)
    monkeypatch.setattr(versions, "_look_at", versions._look_at.__wrapped__)  # what is remembered is of the real table
    monkeypatch.setattr(versions, "_CONCERNED", versions._concerned())


def test_a_newer_field_counts_only_where_it_is_set(later: int) -> None:
    assert version_of(Cancel(1)) == FIRST
    assert version_of(Cancel(1, "ill")) == later


def test_a_newer_field_of_a_part_counts(later: int) -> None:
    plain, noted = place(), place(notes="by the window")
    assert version_of(PlaceAll((RowToPlace(1, plain),))) == FIRST
    assert version_of(PlaceAll((RowToPlace(1, plain), RowToPlace(2, noted)))) == later


def test_a_newer_kind_of_actor_counts(later: int) -> None:
    assert version_of(Cancel(1), Actor(ActorKind.STAFF, user_id=1)) == FIRST
    assert version_of(Cancel(1), Actor(ActorKind.AGENT, key_id=1)) == later + 1


def test_a_newer_type_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    know(monkeypatch, {Cancel: 7})
    assert version_of(Cancel(1)) == 7


class Colour(StrEnum):
    RED = "red"


class Inner(Struct):
    colours: tuple[Colour, ...]


class Outer(Struct):
    inner: Inner | None = None


def test_the_walk_sees_structs_fields_and_values_at_any_depth() -> None:
    assert set(parts_of(Outer)) == {Outer, (Outer, "inner"), Inner, (Inner, "colours"), Colour.RED}


if __name__ == "__main__":
    kept = {name: SINCE.get(part, FIRST) for name, part in sorted(PARTS.items())}
    RECORD.write_text(json.dumps(kept, indent=1) + "\n")
