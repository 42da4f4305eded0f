"""`holdfast check`: for a person on the machine of a part. The containers' own checks are `ops/health_probe.py`."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.errors import expected
from ops.cli.help_texts import LOOK, examples

commands = typer.Typer()

PARTS = ("api", "lanes", "payments", "deliveries", "sweeps", "beat", "notifier", "flower")
"""As in `ops.checks`, which is imported only when one of them is checked."""


def _part(raw: str) -> str:
    if raw not in PARTS:
        raise typer.BadParameter(f"there is no {raw!r}, only {', '.join(PARTS)}")
    return raw


def _parts(incomplete: str) -> list[str]:
    return [part for part in PARTS if part.startswith(incomplete)]


@commands.command(
    rich_help_panel=LOOK,
    epilog=examples("holdfast check api", "holdfast check lanes --node lanes-2@host", note="Exit code 0 means yes."),
)
def check(
    part: Annotated[str, typer.Argument(parser=_part, autocompletion=_parts, metavar="PART", help=", ".join(PARTS))],
    *,
    node: Annotated[str | None, typer.Option(help="Celery's name of the worker, if it is not PART@HOST.")] = None,
) -> None:
    """Is this part healthy, end to end?"""
    from core.settings import SettingsError, from_environment  # noqa: PLC0415 - a command imports what it needs
    from ops.checks import CheckError  # noqa: PLC0415 - as above
    from ops.checks import check as carry_out  # noqa: PLC0415 - as above
    from ops.processes import APPLICATION  # noqa: PLC0415 - as above

    secrets = next(process.secrets for process in APPLICATION if process.name == part)
    with expected(SettingsError, CheckError):
        carry_out(part, from_environment(asks=secrets), node)
