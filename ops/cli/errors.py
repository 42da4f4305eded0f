"""Errors that are no fault in the code: one sentence on standard error, and exit code 1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class CommandError(Exception):
    """The message says what is the matter and what to do. `exit_code` is 1 unless a command documents another."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@contextmanager
def expected(*kinds: type[Exception]) -> Iterator[None]:
    """Exceptions of these kinds carry a sentence for a person.

    They are named where they are expected, because a table of them all would import every command's modules.
    """
    try:
        yield
    except kinds as problem:
        raise CommandError(str(problem)) from None


def one_line(problem: BaseException) -> str:
    """A library's message of several lines, to be put into a sentence."""
    return " ".join(str(problem).split()) or type(problem).__name__
