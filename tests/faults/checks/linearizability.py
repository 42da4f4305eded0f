"""Is there an order of these operations, each at a moment between its request and its answer, that explains all answers?

The search of Wing and Gong ("Testing and verifying concurrent objects", Journal of Parallel and Distributed Computing
17, 1993), with the memory of configurations of Lowe ("Testing for linearizability", Concurrency and Computation 29(4),
2017). It is exact: exponential in the worst case, and quick for the few dozen operations that one subject has.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from math import inf
from typing import Generic, TypeVar

from msgspec import Struct

CONFIGURATIONS_MAX = 400_000
S = TypeVar("S", bound=Hashable)


class TooLargeError(Exception):
    """A history has more configurations than can be looked at."""


class Step(Struct, frozen=True):
    began_at: float
    ended_at: float
    """Infinite for one whose end nobody knows: it may have happened at any time since, or never."""
    action: str
    value: str = ""
    has_succeeded: bool = True


class Model(Struct, Generic[S], frozen=True):
    """A sequential object: its first state, and what a step makes of a state; None where it cannot answer so."""

    initial: S
    apply: Callable[[S, Step], S | None]


def is_linearizable(steps: Sequence[Step], model: Model[S]) -> bool:
    """Raises TooLargeError after `CONFIGURATIONS_MAX` configurations."""
    ordered = sorted(steps, key=lambda one: one.began_at)
    required = sum(1 << n for n, one in enumerate(ordered) if one.ended_at < inf)
    stack: list[tuple[int, S]] = [(0, model.initial)]
    seen = set(stack)
    while stack:
        done, state = stack.pop()
        if done & required == required:
            return True
        for n in _next(ordered, done):
            after = model.apply(state, ordered[n])
            configuration = (done | 1 << n, after)
            if after is not None and configuration not in seen:
                seen.add((configuration[0], after))
                stack.append((configuration[0], after))
        if len(seen) > CONFIGURATIONS_MAX:
            raise TooLargeError
    return False


def _next(ordered: Sequence[Step], done: int) -> list[int]:
    """Steps that no other, still missing, ended before."""
    left = [n for n in range(len(ordered)) if not done >> n & 1]
    first_end = min((ordered[n].ended_at for n in left), default=inf)
    return [n for n in left if ordered[n].began_at <= first_end]
