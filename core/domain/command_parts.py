"""What a command is made of: structs, their fields, the values of enumerations.

Imports nothing of ours: a test runs it inside the previous release, over the commands of that time.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

from msgspec import Struct, inspect

Part = type[Struct] | tuple[type[Struct], str] | Enum
"""A type of command (or of a part of one), a field by its struct and name, or a value of an enumeration."""


def parts_of(kind: type[Struct]) -> Iterator[Part]:
    """Everything that an instance may contain: structs, their fields, the values of enumerations."""
    seen: set[Any] = set()
    ahead: list[Any] = [inspect.type_info(kind)]
    while ahead:
        info = ahead.pop()
        if isinstance(info, inspect.StructType):
            if info.cls in seen:
                continue
            seen.add(info.cls)
            yield info.cls
            yield from ((info.cls, field.encode_name) for field in info.fields)
            ahead += [field.type for field in info.fields]
        elif isinstance(info, inspect.EnumType):
            yield from info.cls
        elif isinstance(info, inspect.UnionType):
            ahead += info.types
        elif isinstance(info, inspect.VarTupleType):
            ahead.append(info.item_type)
