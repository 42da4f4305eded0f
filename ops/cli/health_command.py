"""`holdfast check` for its help, completion and usage errors; `health.py` carries it out."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli import health
from ops.cli.help_texts import LOOK, examples

commands = typer.Typer()


def _part(raw: str) -> str:
    if raw not in health.PARTS:
        raise typer.BadParameter(f"there is no {raw!r}, only {', '.join(health.PARTS)}")
    return raw


def _parts(incomplete: str) -> list[str]:
    return [part for part in health.PARTS if part.startswith(incomplete)]


@commands.command(
    rich_help_panel=LOOK,
    epilog=examples("holdfast check api", "holdfast check lanes --node lanes-2@host", note="Exit code 0 means yes."),
)
def check(
    part: Annotated[
        str, typer.Argument(parser=_part, autocompletion=_parts, metavar="PART", help=", ".join(health.PARTS))
    ],
    *,
    node: Annotated[str | None, typer.Option(help="Celery's name of the worker, if it is not PART@HOST.")] = None,
) -> int:
    """Is this part healthy, end to end?"""
    return health.run(part, node)
