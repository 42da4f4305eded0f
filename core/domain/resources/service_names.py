"""What a service name means: a service, the desk, or nothing that can be booked (docs/contracts/appointments.md)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from core.domain.names import folded
from core.domain.refusals import Refusal, Refused
from core.domain.values import Policy, Service

NAMED_MAX = 3
"""How many names a refusal suggests."""
COMPARED_MAX = 200
"""Services that an unknown name is compared with, the oldest first."""
LIKE_ENOUGH = 0.3
"""Names that share at least this part of their pairs of letters are alike: one may be the other misspelt."""


class NearestNames:
    """The names of what can be booked, to find those that an unknown one is likely to mean."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._pairs = [(name, _pairs(name)) for name in names]
        self._found: dict[str, tuple[str, ...]] = {}

    def to(self, name: str) -> tuple[str, ...]:
        key = folded(name)
        if key not in self._found:
            self._found[key] = self._look(_pairs(key))
        return self._found[key]

    def _look(self, wanted: frozenset[str]) -> tuple[str, ...]:
        scored = [(2 * len(wanted & pairs) / (len(wanted) + len(pairs) or 1), name) for name, pairs in self._pairs]
        near = sorted((-score, name) for score, name in scored if score >= LIKE_ENOUGH)
        return tuple(name for _, name in near[:NAMED_MAX])


def is_bookable(service: Service | None, policy: Policy) -> bool:
    return service.is_active if service else policy.books_unknown_services


def check_bookable(service: Service | None, name: str, policy: Policy, near: NearestNames) -> None:
    """Raises Refused for a deactivated service, and for an unknown name where those do not book the desk."""
    if is_bookable(service, policy):
        return
    if service is not None:
        raise Refused(Refusal.SERVICE_INACTIVE)
    raise Refused(Refusal.UNKNOWN_SERVICE, names=near.to(name))


def _pairs(name: str) -> frozenset[str]:
    """Neighbouring letters, the beginning and the end of the name among them."""
    text = f" {folded(name)} "
    return frozenset(map("".join, pairwise(text)))
