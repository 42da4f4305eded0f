"""What the help texts of the commands have in common."""

from __future__ import annotations

import inspect

import typer
from rich.markup import escape

SETUP = "Set up and run"
LOOK = "See how it is"
PEOPLE = "People"
DATA = "Bookings in and out"
REPAIR = "Put things right"
"""The panels of `holdfast --help`."""


def examples(*lines: str, note: str = "") -> str:
    """The end of a command's help: command lines to copy, and a note."""
    shown = "\n".join(f"  {escape(line)}" for line in lines)
    return f"[bold]Examples[/bold]\n\n{shown}" + (f"\n\n{escape(note)}" if note else "")


def with_help(commands: typer.Typer) -> typer.Typer:
    """Each command's help from its docstring, whose lines are as long as the code's: a terminal breaks its own."""
    for command in commands.registered_commands:
        if command.help is None and command.callback is not None:
            command.help = _unwrapped(inspect.getdoc(command.callback) or "")
    return commands


def _unwrapped(text: str) -> str:
    return "\n\n".join(escape(" ".join(paragraph.split())) for paragraph in text.split("\n\n"))
