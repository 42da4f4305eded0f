"""Mutants that change nothing that anybody could notice, each with its reason. A test holds that their lines exist."""

from __future__ import annotations

from msgspec import Struct


class Equivalent(Struct, frozen=True):
    path: str
    was: str
    """The expression as `ast.unparse` writes it."""
    becomes: str
    reason: str


EQUIVALENT: tuple[Equivalent, ...] = ()
