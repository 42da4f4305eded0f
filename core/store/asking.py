"""Several queries in one round trip, each with what is to be done with its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from core.store.database import Connection

Rows = list[tuple[Any, ...]]
Take = Callable[[Rows], None]


class Asking:
    """Queries are asked in order and sent together; they see each other's locks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._asked: list[tuple[str, Sequence[Any] | Mapping[str, Any] | None, Take]] = []

    def ask(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None, take: Take) -> None:
        self._asked.append((sql, parameters, take))

    def answer(self) -> None:
        if not self._asked:
            return
        with self._connection.pipeline():
            cursors = [self._connection.execute(sql.encode(), parameters) for sql, parameters, _ in self._asked]
            answers = [cursor.fetchall() for cursor in cursors]
        for (_, _, take), rows in zip(self._asked, answers, strict=True):
            take(rows)


@contextmanager
def together(connection: Connection) -> Iterator[Asking]:
    """What is asked inside is answered, in the order of asking, at the end. Nothing asked, nothing sent."""
    asking = Asking(connection)
    yield asking
    asking.answer()
