"""Where long results go: standard output, which its reader may close, or a file that appears once it is complete."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Annotated, Any, BinaryIO

import typer

from ops.cli.errors import CommandError

OWNER_ONLY = 0o600
TERMINATED = 128 + signal.SIGTERM
"""The exit code of a program that was told to stop, as shells have it."""


@contextmanager
def quiet_when_unread() -> Iterator[None]:
    """The reader of standard output may close it, as `head` does: then there is nothing more to do."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in the buffer goes nowhere


def refuse_existing(file: Path, *, overwrite: bool) -> None:
    """Before anything is read."""
    if file.exists() and not overwrite:
        raise CommandError(f"{file} exists. Name another file, or replace it with --overwrite.")


def chosen(raw: str) -> Path | None:
    """What `--output` names: `-` is standard output, as for a backup."""
    return None if raw == "-" else Path(raw)


OutputFile = Annotated[
    Any | None,
    typer.Option("--output", parser=chosen, metavar="FILE", help="Instead of standard output.", show_default=False),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace FILE if it exists.")]
"""The options of every command that writes what it exports."""


@contextmanager
def output(file: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a file that its owner alone can read and that takes its name only when the block succeeds."""
    if file is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        with _beside(file) as opened:
            yield opened
    except OSError as problem:
        raise CommandError(f"{file} cannot be written: {problem.strerror}.") from None


@contextmanager
def _beside(file: Path) -> Iterator[BinaryIO]:
    unfinished = file.with_name(f".{file.name}.{token_hex(4)}.unfinished")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    before = signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(TERMINATED)
    )  # it may hold personal data: remove it first
    try:
        with os.fdopen(descriptor, "wb") as opened:
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
        unfinished.replace(file)
    finally:
        signal.signal(signal.SIGTERM, before)
        unfinished.unlink(missing_ok=True)
