"""How far an import is: a bar for a person at a terminal, now and then a line for everything else."""

from __future__ import annotations

from typing import TextIO

from ops.importing.api_client import Counts

BAR_WIDTH = 40
LINES = 10
"""Of a whole import, where there is no terminal."""


class Progress:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._told = 0

    def show(self, counts: Counts) -> None:
        done = counts.rows - counts.accepted
        if self._is_terminal:
            filled = BAR_WIDTH * done // counts.rows
            self._write(f"\r[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {_words(done, counts)}")
        elif LINES * done // counts.rows > self._told:
            self._told = LINES * done // counts.rows
            self._write(f"{_words(done, counts)}\n")

    def end(self) -> None:
        if self._is_terminal:
            self._write("\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _words(done: int, counts: Counts) -> str:
    return f"{done:,} of {counts.rows:,} rows, {counts.rejected + counts.failed:,} refused"
