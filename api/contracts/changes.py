"""What endpoints that change things share: which fields were sent, which must stay, and how errors are answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

from msgspec import UNSET, Struct
from msgspec.structs import asdict

from api.http.errors import Problem, invalid
from core.store.catalogue.changes import CatalogueError
from core.wire.errors import FieldProblem

CANNOT_BE_CHANGED = "cannot be changed"
CANNOT_BE_CHANGED_HERE = "cannot be changed here"
"""For a field that another request changes."""

Problems = Mapping[type[CatalogueError], Callable[[], Problem]]


@asynccontextmanager
async def as_problems(problems: Problems) -> AsyncIterator[None]:
    """Answer the catalogue's errors in the contract's words. Asynchronous only to stand beside `write` in one line."""
    try:
        yield
    except tuple(problems) as error:
        problem = problems[type(error)]()
        raise problem from None


def sent_fields(sent: Struct, *, but: Collection[str] = ()) -> dict[str, Any]:
    """The fields of a body that were sent, except those in `but`."""
    return {name: value for name, value in asdict(sent).items() if value is not UNSET and name not in but}


def check_unchanged(sent: Struct, present: Mapping[str, Any], words: str = CANNOT_BE_CHANGED) -> None:
    """Raise Problem 400 for fields of `present` that were sent with another value."""
    fields = sent_fields(sent)
    changed = [name for name, value in present.items() if name in fields and fields[name] != value]
    if changed:
        raise invalid([FieldProblem(name, f"{name} {words}") for name in changed])


def name_taken(code: str, words: str) -> Callable[[], Problem]:
    """409 for a name that another row has."""
    return lambda: Problem(409, code, words, [FieldProblem("name", words)])


def unknown_resource() -> Problem:
    """400 for a `resource_id` that does not exist."""
    return invalid([FieldProblem("resource_id", "There is no such resource")])
