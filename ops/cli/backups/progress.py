"""How far a long command is: a bar for a person, a line now and then for a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from ops.cli.console import note

SAID_EVERY_S = 5.0
"""How often a line tells the progress where there is no progress bar."""


class Progress:
    """Called with what is being done, how much of it is done, and the total (0 if unknown)."""

    def __init__(self) -> None:
        from rich import progress  # noqa: PLC0415 - a command imports what it needs
        from rich.console import Console  # noqa: PLC0415 - as above

        self._is_terminal = sys.stderr.isatty()
        text = progress.TextColumn("{task.description}", markup=False)
        columns = (text, progress.BarColumn(), progress.TimeElapsedColumn())
        self.bar = progress.Progress(*columns, console=Console(stderr=True, markup=False), transient=True)
        self._task = self.bar.add_task("", total=None)
        self._said_at, self._said = time.monotonic(), ""

    def __call__(self, what: str, done: int, of: int) -> None:
        if self._is_terminal:
            self.bar.update(self._task, description=what, completed=done, total=of or None)
            return
        now = time.monotonic()
        if now - self._said_at > SAID_EVERY_S and what != self._said:
            self._said_at, self._said = now, what
            note(f"{what} ...")

    @property
    def is_terminal(self) -> bool:
        return self._is_terminal


@contextmanager
def shown() -> Iterator[Progress]:
    """The bar is there as long as the block lasts."""
    show = Progress()
    with show.bar if show.is_terminal else nullcontext():
        yield show
