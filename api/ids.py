"""Ids in paths: what no row can have is nowhere, before anybody asks the database."""

from __future__ import annotations

from falcon.routing import IntConverter

ID_MAX = 2**63 - 1
"""A bigint's end."""


class IdConverter(IntConverter):
    """`{name:int}`: a larger or a negative number is a path that there is not."""

    def __init__(self, num_digits: int | None = None, min: int = 0, max: int = ID_MAX) -> None:  # noqa: A002 - Falcon's
        super().__init__(num_digits, min, max)
