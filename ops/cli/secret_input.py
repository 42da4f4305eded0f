"""A password that a command needs: asked at the terminal, or read from standard input or a file. Never an argument.

Arguments stand in the shell's history and in every process list.
"""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.errors import CommandError

PASSWORD_MAX_BYTES = 4_096
"""Read at most: the rules for passwords say what is too long."""

PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        show_default=False,
        help="Read the password from the first line of a file that only its owner can read.",
    ),
]


def read_password(*, from_stdin: bool, file: Path | None) -> str:
    """The new password. Asks twice at a terminal. Raises `CommandError`."""
    if from_stdin and file is not None:
        raise CommandError("Give one of --password-stdin and --password-file.", exit_code=2)
    if file is not None:
        return _of_file(file)
    if from_stdin:
        return _first_line(sys.stdin.buffer.readline(PASSWORD_MAX_BYTES), "Standard input")
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask for the password: use --password-stdin or --password-file.")
    asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt="The same again", err=True)
    return asked


def _of_file(file: Path) -> str:
    try:
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise CommandError(f"Others can read {file}: chmod 600 it first.")
        with file.open("rb") as opened:
            return _first_line(opened.readline(PASSWORD_MAX_BYTES), str(file))
    except OSError as problem:
        raise CommandError(f"{file} cannot be read: {problem.strerror}.") from None


def _first_line(raw: bytes, source: str) -> str:
    try:
        line = raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise CommandError(f"{source} holds no UTF-8 text.") from None
    if not line:
        raise CommandError(f"{source} holds no password.")
    return line
