"""`holdfast keep-backups`: the backup service of compose, and with `--once` the CronJob of Kubernetes."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.backups.target import database_of, note_in_the_audit_log
from ops.cli.errors import CommandError, expected
from ops.cli.help_texts import SETUP, examples

if TYPE_CHECKING:
    from ops.backup.backup import Taken

commands = typer.Typer()

SERVICE = "backup"
"""Its name in log lines."""


class Stopped(BaseException):
    """A signal to stop. Not an `Exception`: nothing catches it, and a half-written backup is removed on the way."""


@commands.command(
    "keep-backups",
    rich_help_panel=SETUP,
    epilog=examples(
        "holdfast keep-backups /backups",
        "HOLDFAST_BACKUP_EVERY_HOURS=6 HOLDFAST_BACKUPS_KEPT=28 holdfast keep-backups /backups",
        "HOLDFAST_BACKUPS_KEPT=14 holdfast keep-backups --once /backups",
        note="HOLDFAST_BACKUP_EVERY_HOURS (24) and HOLDFAST_BACKUP_AT (03:00 UTC) say when, HOLDFAST_BACKUPS_KEPT (7) how "
        "many stay. Other files in the folder are left alone. Copy the backups to another place: a disk can be lost.",
    ),
)
def keep_backups(
    *,
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Where they are kept. One such command works on a folder at a time."),
    ],
    once: Annotated[bool, typer.Option("--once", help="Take one now and end: a clock of your own says when.")] = False,
) -> None:
    """Take a backup whenever one is due and remove the oldest, until it is stopped.

    A backup that fails is tried again ten minutes later. Each is read again before an older one is removed.
    """
    from datetime import timedelta  # noqa: PLC0415 - a command imports what it needs

    from core.configuration.secret_settings import BACKUP  # noqa: PLC0415 - as above
    from core.health_socket import Checks, answer_checks  # noqa: PLC0415 - as above
    from core.logs import configure  # noqa: PLC0415 - as above
    from core.settings import SettingsError, from_environment  # noqa: PLC0415 - as above
    from core.startup import log_release  # noqa: PLC0415 - as above
    from ops.backup.archive import BackupError  # noqa: PLC0415 - as above
    from ops.backup.keeper import Keeper  # noqa: PLC0415 - as above
    from ops.backup.schedule import Schedule  # noqa: PLC0415 - as above

    with expected(SettingsError):
        settings = from_environment(asks=BACKUP)
    configure(settings.log_level, SERVICE)
    log_release()
    schedule = Schedule(timedelta(hours=settings.backup_every_h), settings.backup_at, settings.backups_kept)
    for wish in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wish, _stop)
    try:
        with expected(BackupError):
            keeper = Keeper(folder, schedule, _take)
            if once:
                keeper.take_now()
                return
        answer_checks(settings, Checks(alive=lambda: None, ready=keeper.problem))
        keeper.run()
    except Stopped:
        return


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


def _take(file: Path) -> Taken:
    """A command would end with its sentence; here it is the reason to try again."""
    from ops.backup.archive import BackupError  # noqa: PLC0415 - as above
    from ops.backup.backup import take  # noqa: PLC0415 - as above

    try:
        with database_of(None, may_run=True, database_alone=True, service=SERVICE) as database:
            taken = take(database, str(file), lambda _: None)
            note_in_the_audit_log(database, "database.backed_up", {"taken_at": taken.manifest.taken_at})
    except CommandError as problem:
        raise BackupError(str(problem)) from None
    return taken
