"""Query parameters: read by name, refused together, unknown ones refused too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import TypeVar

import falcon.asgi

from api.errors import invalid
from api.fields import iso_date
from core.wire.errors import FieldProblem

T = TypeVar("T")

LIMIT_DEFAULT = 50
LIMIT_MAX = 500
OFFSET_MAX = 10_000_000


class Query:
    """One request's parameters. Ask for each by name, then `check()`."""

    def __init__(self, req: falcon.asgi.Request) -> None:
        self._sent: dict[str, str | list[str]] = dict(req.params)
        self._asked: set[str] = set()
        self._problems: list[FieldProblem] = []

    def text(self, name: str, *, longest: int = 200) -> str | None:
        return self._parsed(name, lambda raw: raw if len(raw) <= longest and "\x00" not in raw else None, "")

    def day(self, name: str, *, required: bool = False) -> date | None:
        if required and self._is_missing(name):
            return None
        return self._parsed(name, iso_date, "Invalid date format")

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        found = self.number(name, least, most)
        return default if found is None else found

    def number(self, name: str, least: int, most: int, *, required: bool = False) -> int | None:
        """A whole number, or None where none or an unusable one was sent."""

        def parse(raw: str) -> int | None:
            if not raw.isascii() or not raw.isdigit() or len(raw) > len(str(most)):
                return None
            return int(raw) if least <= int(raw) <= most else None

        if required and self._is_missing(name):
            return None
        return self._parsed(name, parse, f"{name} must be a whole number from {least} to {most}")

    def one_of(self, name: str, allowed: Iterable[str]) -> str | None:
        words = list(allowed)
        return self._parsed(
            name, lambda raw: raw if raw in words else None, f"{name} must be one of {', '.join(words)}"
        )

    def flag(self, name: str) -> bool | None:
        word = self.one_of(name, ("true", "false"))
        return None if word is None else word == "true"

    def page(self, *, default: int = LIMIT_DEFAULT) -> tuple[int, int]:
        """(limit, offset)."""
        return self.whole("limit", default, 1, LIMIT_MAX), self.whole("offset", 0, 0, OFFSET_MAX)

    def check(self) -> None:
        """Raise Problem 400 with everything wrong, unknown parameters included."""
        unknown = [FieldProblem(name, f"Unknown parameter: {name}") for name in self._sent if name not in self._asked]
        if problems := self._problems + unknown:
            raise invalid(problems)

    def _is_missing(self, name: str) -> bool:
        if self._sent.get(name):
            return False
        self._asked.add(name)
        self._problems.append(FieldProblem(name, f"Missing required parameter: {name}"))
        return True

    def _raw(self, name: str) -> str | None:
        self._asked.add(name)
        value = self._sent.get(name)
        if isinstance(value, list):
            self._problems.append(FieldProblem(name, f"{name} may be given once"))
            return None
        return value or None

    def _parsed(self, name: str, parse: Callable[[str], T | None], words: str) -> T | None:
        raw = self._raw(name)
        if raw is None:
            return None
        found = parse(raw)
        if found is None:
            self._problems.append(FieldProblem(name, words or f"Invalid value for {name}"))
        return found
