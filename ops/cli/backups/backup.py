"""`holdfast backup`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.backups.progress import shown
from ops.cli.backups.target import STANDARD, Programs, counted, database_of, moment, note_in_the_audit_log, size
from ops.cli.console import note
from ops.cli.errors import CommandError, expected
from ops.cli.help_texts import SETUP, examples
from ops.cli.store_access import Data

commands = typer.Typer()


@commands.command(
    rich_help_panel=SETUP,
    epilog=examples(
        "holdfast backup holdfast.backup",
        "holdfast backup - | ssh vault 'cat > holdfast.backup'",
        "holdfast backup /backups/monday.backup --data /var/lib/holdfast",
        note="Bookings go on meanwhile. The file holds all personal data and is readable by its owner only. Secrets "
        "(.env, the folder secrets/ of a data folder) are not in it.",
    ),
)
def backup(
    *,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to write it; - is standard output.")],
    data: Data = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE if it exists.")] = False,
    pg_bin: Programs = None,
) -> None:
    """Write one moment of the whole database into a compressed file with a checksum."""
    from ops.backup.archive import BackupError  # noqa: PLC0415 - a command imports what it needs
    from ops.backup.backup import Progress, take  # noqa: PLC0415 - as above

    if file == STANDARD and sys.stdout.isatty():
        raise CommandError("A backup is not text for a terminal: name a file, or redirect standard output.")
    if file != STANDARD and Path(file).exists() and not overwrite:
        raise CommandError(f"{file} exists. Name another file, or replace it with --overwrite.")
    began = time.monotonic()
    with database_of(data, may_run=True, database_alone=True) as database, shown() as show, expected(BackupError):

        def told(progress: Progress) -> None:
            show(f"{progress.table} ({progress.tables} of {progress.of} tables)", progress.tables, progress.of)

        taken = take(database, file, told, pg_bin)
        manifest = taken.manifest
        note_in_the_audit_log(database, "database.backed_up", {"taken_at": manifest.taken_at})
    note(
        f"Backed up {counted(manifest.counts)} as of {moment(manifest.taken_at)}: {size(taken.size_bytes)}, "
        f"{time.monotonic() - began:.1f} s. Schema {manifest.schema}, feed {manifest.epoch}-{manifest.head}."
    )
