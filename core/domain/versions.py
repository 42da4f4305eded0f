"""The schema version that a command carries on disk, so that no worker decodes what it does not know.

Releases run side by side during an upgrade and after a rollback. A worker reads only versions that it knows;
the others wait for a newer worker. So everything that an older release could not decode, or would ignore, is
listed in `SINCE` with a higher version: a new type of command, a new field, a new value of an enumeration.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

from msgspec import Struct, inspect

from core.domain.command_parts import Part, parts_of
from core.domain.commands import (
    AcceptHold,
    Actor,
    BusySpan,
    CloseResource,
    Command,
    MoveToSlot,
    MoveWithSlot,
    PersonByPhone,
    ReportVisit,
    Reschedule,
)

FIRST = 1
"""The version of everything that is not listed."""

SINCE: Mapping[Part, int] = {
    (CloseResource, "busy"): 2,
    BusySpan: 2,
    (BusySpan, "calendar_id"): 2,
    (BusySpan, "starts_at"): 2,
    (BusySpan, "ends_at"): 2,
    (PersonByPhone, "language"): 2,
    **{
        part: 2
        for kind in (Reschedule, MoveToSlot, MoveWithSlot, ReportVisit, AcceptHold)
        for part in (kind, *((kind, name) for name in kind.__struct_fields__))
    },
}
"""What came after version 1, and the version it came with. One number per release: `tests/fixtures/commands.json`
records what the releases so far had, so the next number is one more than its highest. A new field of a released
type needs a default: a command with that default keeps its version, and an older worker decides it."""

STEPPED_VERSION = 2
"""The version of a command that has begun its steps: older workers know no steps (`core.domain.steps`)."""

SCHEMA_VERSION = max((STEPPED_VERSION, *SINCE.values()))
"""The newest version that this code decodes."""


def version_of(command: Command, actor: Actor | None = None) -> int:
    """What a worker must know to decode this command: 1, unless something in it came later."""
    found = _newest_in(command) if type(command) in _CONCERNED else FIRST
    return max(found, _newest_in(actor)) if actor is not None and Actor in _CONCERNED else found


class _Look(NamedTuple):
    """What of a type decides its version: nearly every booking is asked, so the rest is not looked at."""

    own: int
    fields: tuple[tuple[str, int, object], ...]
    """(name, version, default) of those in `SINCE`."""
    inner: tuple[str, ...]
    """Fields that hold types, tuples or values of enumerations."""


def _newest_in(value: Any) -> int:
    if isinstance(value, Struct):
        look = _look_at(type(value))
        fields = (since for name, since, default in look.fields if getattr(value, name) != default)
        return max(chain([look.own], fields, (_newest_in(getattr(value, name)) for name in look.inner)))
    if isinstance(value, tuple):
        return max(map(_newest_in, value), default=FIRST)
    return SINCE.get(value, FIRST) if isinstance(value, Enum) else FIRST


@cache
def _look_at(kind: type[Struct]) -> _Look:
    fields = inspect.type_info(kind).fields  # type: ignore[attr-defined]
    listed = tuple((one.name, SINCE[kind, one.name], one.default) for one in fields if (kind, one.name) in SINCE)
    return _Look(SINCE.get(kind, FIRST), listed, tuple(one.name for one in fields if not isinstance(one.type, _PLAIN)))


_PLAIN = (
    inspect.IntType,
    inspect.StrType,
    inspect.BoolType,
    inspect.DateType,
    inspect.TimeType,
    inspect.DateTimeType,
    inspect.UUIDType,
)


def _concerned() -> frozenset[type[Struct]]:
    """The types that contain something of `SINCE`; the others cost one look-up."""
    kinds: tuple[type[Struct], ...] = (*Command.__args__, Actor)
    return frozenset(kind for kind in kinds if any(part in SINCE for part in parts_of(kind))) if SINCE else frozenset()


_CONCERNED = _concerned()
