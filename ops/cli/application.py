"""The table of commands, and how they end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from core import release
from ops.cli import (
    accepted_commands,
    admin,
    audit_log,
    bulk_import,
    doctor,
    embedded_stack,
    health,
    migration,
    parked,
)
from ops.cli.backups import backup, restore
from ops.cli.errors import CommandError
from ops.cli.help_texts import with_help
from ops.cli.installation import keep_backups, maintenance, status, zone
from ops.cli.records import bookings, configuration, events, people
from ops.cli.store_access import with_data

GROUPS: tuple[tuple[str | None, typer.Typer], ...] = (
    (None, embedded_stack.commands),
    (None, migration.commands),
    (None, backup.commands),
    (None, restore.commands),
    (None, keep_backups.commands),
    (None, health.commands),
    (None, doctor.commands),
    (None, status.commands),
    ("maintenance", maintenance.commands),
    ("time-zone", zone.commands),
    (None, configuration.commands),
    (None, bulk_import.commands),
    ("export", bookings.commands),
    (None, audit_log.commands),
    ("events", events.commands),
    ("commands", accepted_commands.commands),
    ("parked", parked.commands),
    ("admin", admin.commands),
    ("people", people.commands),
)
"""`holdfast NAME ...` for each group, in the order of the help; None: its commands stand at the top."""

application = typer.Typer(
    name="holdfast",
    help="Run Holdfast and look after it. Each command has a help of its own, with examples: holdfast COMMAND --help.",
    epilog="Let the shell complete commands and options: holdfast --install-completion.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they would show the values of variables, secrets among them
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - called by typer
    if wanted:
        print(f"holdfast {release.words()}")
        raise typer.Exit


@application.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", "-V", is_eager=True, callback=_print_version, help="Print version and commit.")
    ] = False,
) -> None:
    """Options that stand before a command."""


for _name, _commands in GROUPS:
    application.add_typer(with_data(with_help(_commands)), name=_name)


def run(words: Sequence[str]) -> int:
    """Carry out one command line and tell its exit code."""
    try:
        result = application(words, prog_name="holdfast", standalone_mode=False)
    except typer.TyperException as problem:  # wrong usage
        return _usage(problem)
    except typer.Abort:
        print("holdfast: stopped; nothing was changed.", file=sys.stderr)
        return 1
    except CommandError as problem:
        print(f"holdfast: {problem}", file=sys.stderr)
        return problem.exit_code
    return result if isinstance(result, int) else 0


def _usage(problem: typer.TyperException) -> int:
    """One sentence, and where to read more. Without a command, the help itself is printed already."""
    message = problem.format_message().strip()
    if message:
        context: typer.Context | None = getattr(problem, "ctx", None)
        path = context.command_path if context else "holdfast"
        stop = "" if message[-1] in ".!?" else "."
        print(f"{path}: {message}{stop} Try '{path} --help'.", file=sys.stderr)
    return problem.exit_code
