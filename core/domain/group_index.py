"""A dict with an index: values are also found by their group.

A batch holds thousands of payments, credits or sessions, and each command asks for those of one booking,
person or service. A search through all of them would make a batch's cost quadratic.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Generic, Self, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class GroupIndex(dict[K, V], Generic[K, V]):
    """Values are added and replaced, never removed; a replacement is of the same group."""

    def __init__(self, group: Callable[[V], int], known: Mapping[K, V] | None = None) -> None:
        super().__init__()
        self._group = group
        self._groups: defaultdict[int, dict[K, None]] = defaultdict(dict)
        self.add_all(known or {})

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        self._groups[self._group(value)][key] = None

    def add_all(self, known: Mapping[K, V]) -> None:
        for key, value in known.items():
            self[key] = value

    def __ior__(self, known: Any) -> Self:  # type: ignore[override, misc]  # dict's own would leave the groups out
        self.add_all(known)
        return self

    def copy(self) -> GroupIndex[K, V]:
        return GroupIndex(self._group, self)

    def of(self, group: int) -> list[V]:
        """In the order in which they became known."""
        return [self[key] for key in self._groups.get(group, ())]
