"""What commands print: tables for people, JSON for programs, notes on standard error.

Data of users never goes through rich's markup: a name such as `[bold]` is a name.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PIPE_WIDTH = 10_000
"""Of a table that goes to no terminal: a program gets each row on one line, with nothing cut."""


def console() -> Console:
    """Of standard output. It has no colours unless it is a terminal."""
    from rich.console import Console  # noqa: PLC0415 - commands that print no table do without

    is_terminal = sys.stdout.isatty()
    return Console(
        file=sys.stdout,
        markup=False,
        highlight=False,
        emoji=False,
        force_terminal=is_terminal,
        width=None if is_terminal else PIPE_WIDTH,
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> Table:
    """Cells are shown as they are: None as a dash, anything else as its text, without control characters."""
    from rich import box  # noqa: PLC0415 - as above
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    shown = Table(
        box=box.SIMPLE_HEAD, title=title and Text(title), title_justify="left", show_edge=False, pad_edge=False
    )
    for column in columns:
        shown.add_column(Text(column), overflow="fold")
    for row in rows:
        shown.add_row(*(Text(cell_text(cell)) for cell in row))
    return shown


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """A table on standard output."""
    console().print(table(columns, rows, title=title))


def cell_text(cell: object) -> str:
    """One line without control characters, which a terminal would obey."""
    if cell is None:
        return "-"
    return "".join(character if character.isprintable() else " " for character in str(cell))


def print_json(value: Any) -> None:
    """One value, indented."""
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_json_line(value: Any) -> None:
    """One value on a line, written at once: for streams."""
    print(msgspec.json.encode(value).decode(), flush=True)


def note(text: str) -> None:
    """To standard error: progress, what to do next. A pipe gets the result alone."""
    print(text, file=sys.stderr, flush=True)
