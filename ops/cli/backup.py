"""`holdfast backup` and `holdfast restore`."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.console import note, print_json, print_table
from ops.cli.errors import CommandError, expected, one_line
from ops.cli.help_texts import SETUP, examples
from ops.cli.store_access import Data, database_errors, embedded_database, folder_of

if TYPE_CHECKING:
    from core.store.payments.findings import Finding
    from ops.backup.archive import Archive
    from ops.backup.databases import Database
    from ops.backup.restore import Outcome, Step

commands = typer.Typer()

STANDARD = "-"
SAID_EVERY_S = 5.0
"""How often a line tells the progress where there is no progress bar."""

Programs = Annotated[
    Path | None,
    typer.Option(
        "--pg-bin",
        metavar="FOLDER",
        help="Where pg_dump, pg_restore and psql are, if they are not found by themselves.",
    ),
]


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
        raise CommandError("A backup is no text for a terminal: name a file, or send standard output somewhere.")
    if file != STANDARD and Path(file).exists() and not overwrite:
        raise CommandError(f"{file} exists. Name another file, or replace it with --overwrite.")
    began = time.monotonic()
    with database_of(data, may_run=True, database_alone=True) as database, _shown() as show, expected(BackupError):

        def told(progress: Progress) -> None:
            show(f"{progress.table} ({progress.tables} of {progress.of} tables)", progress.tables, progress.of)

        taken = take(database, file, told, pg_bin)
        manifest = taken.manifest
        note_in_the_audit_log(database, "database.backed_up", {"taken_at": manifest.taken_at})
    note(
        f"Backed up {_counted(manifest.counts)} as of {_moment(manifest.taken_at)}: {_size(taken.size_bytes)}, "
        f"{time.monotonic() - began:.1f} s. Schema {manifest.schema}, feed {manifest.epoch}-{manifest.head}."
    )


@commands.command(
    rich_help_panel=SETUP,
    epilog=examples(
        "holdfast restore holdfast.backup",
        "holdfast restore holdfast.backup --data /var/lib/holdfast-restored",
        "holdfast restore holdfast.backup --replace",
        "holdfast restore --findings",
        "holdfast restore --recovered-to 2027-03-01T09:30:00Z",
        note="Stop all processes of Holdfast first. A restore that fails keeps nothing of the backup.",
    ),
)
def restore(
    *,
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="The backup; - is standard input.")] = None,
    data: Data = None,
    replace: Annotated[bool, typer.Option("--replace", help="Delete what the database holds now.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before replacing.")] = False,
    findings: Annotated[
        bool,
        typer.Option("--findings", help="Show what Stripe knew beyond the backup, asking it if that was not done yet."),
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="With --findings: ask Stripe once more.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --findings: as JSON.")] = False,
    recovered_to: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z"],
            metavar="TIME",
            help="Finish a restore after PostgreSQL itself has recovered the database to this time.",
        ),
    ] = None,
    pg_bin: Programs = None,
) -> None:
    """Bring a backup back into an empty database, all of it or nothing, and say what Stripe knows beyond it."""
    if sum((file is not None, findings, recovered_to is not None)) != 1:
        raise CommandError("Name a backup, or one of --findings and --recovered-to.")
    if findings:
        _show_findings(data, again=again, as_json=as_json)
    elif recovered_to is not None:
        _settle_recovered(data, recovered_to if recovered_to.tzinfo else recovered_to.replace(tzinfo=UTC))
    elif file is not None:
        _restore(file, data, pg_bin, replace=replace, yes=yes)


def _restore(file: str, data: Path | None, pg_bin: Path | None, *, replace: bool, yes: bool) -> None:
    from core.settings import SettingsError  # noqa: PLC0415 - a command imports what it needs
    from ops.backup.archive import Archive, BackupError  # noqa: PLC0415 - as above
    from ops.backup.restore import restore as put_back  # noqa: PLC0415 - as above

    began = time.monotonic()
    with _archive_file(file) as path, expected(BackupError, SettingsError):
        archive = Archive(path)
        with database_of(data, may_run=False, is_new_allowed=True) as database:
            if replace and not yes:
                _ask(archive, database)
            with _shown() as show:
                outcome = put_back(archive, database, _steps(show), replace=replace, folder=pg_bin)
            _end_demo(database)
            note_in_the_audit_log(database, "database.restored", {"taken_at": outcome.taken_at})
            note(
                f"Restored {_counted(archive.manifest.counts)} as of {_moment(outcome.taken_at)} into {database.named} "
                f"({time.monotonic() - began:.1f} s)."
            )
            _say_the_rest(database, outcome, data)


def _end_demo(database: Database) -> None:
    """A data folder that holds real bookings now is never started as the demo by mistake."""
    if database.folder is not None and not database.settings.demo:
        from ops.embedded.data_folder import DataFolder  # noqa: PLC0415 - the image has no stack

        DataFolder(database.folder).end_demo()


def _settle_recovered(data: Path | None, at: datetime) -> None:
    from ops.backup.archive import BackupError  # noqa: PLC0415 - as above
    from ops.backup.restore import recovered  # noqa: PLC0415 - as above

    with database_of(data, may_run=False) as database, expected(BackupError):
        with _shown() as show:
            outcome = recovered(database, at, _steps(show))
        note_in_the_audit_log(database, "database.restored", {"recovered_to": at})
        note(f"Settled {database.named} as of {_moment(at)}.")
        _say_the_rest(database, outcome, data)


def note_in_the_audit_log(database: Database, action: str, after: Mapping[str, datetime]) -> None:
    """The backup or restore stands even if this fails: the database may be an older release's, or read-only."""
    import psycopg  # noqa: PLC0415 - as above

    from core.store.audit import AuditEntry, record  # noqa: PLC0415 - as above
    from core.store.connections.database import API_LIMITS, connect  # noqa: PLC0415 - as above
    from ops.operator_identity import operator  # noqa: PLC0415 - as above

    try:
        with connect(database.settings.database_url, API_LIMITS, "holdfast audit") as connection:
            record(connection, AuditEntry(operator(), action, "database:1", None, after))
    except psycopg.Error as problem:
        note(f"The audit log does not have it: {one_line(problem)}")


def _say_the_rest(database: Database, outcome: Outcome, data: Path | None) -> None:
    if outcome.migrated_from is not None:
        note(f"It was of an older release (schema {outcome.migrated_from}) and is migrated.")
    note(f"The feed goes on at {outcome.position}, in a new epoch: its clients are told to reload.")
    if outcome.dropped_keys is None:
        note("Redis does not answer. Nothing in it matters; start it before Holdfast.")
    _compare_and_show(database, data, as_json=False)


def _show_findings(data: Path | None, *, again: bool, as_json: bool) -> None:
    with database_of(data, may_run=True) as database:
        _compare_and_show(database, data, as_json=as_json, again=again)


def _compare_and_show(database: Database, data: Path | None, *, as_json: bool, again: bool = False) -> None:
    """Shows findings that are kept; asks Stripe if that was not done yet."""
    from core.store.connections.database import MIGRATE_LIMITS, connect  # noqa: PLC0415 - as above
    from core.store.payments.findings import WHAT_TO_DO, last_restore, read_findings  # noqa: PLC0415 - as above
    from ops.backup.findings import ProviderAwayError, compare  # noqa: PLC0415 - as above

    with connect(database.settings.database_url, MIGRATE_LIMITS, "holdfast restore") as connection:
        last = last_restore(connection)
        if last is None:
            raise CommandError(f"{database.named} was never restored: there is nothing to compare.")
        if last.compared_at is None or again:
            try:
                with _shown() as show:
                    compare(database.settings, connection, last, lambda count: show(f"{count} looked at", 0, 0))
            except ProviderAwayError as problem:
                where = f" --data {data}" if data is not None else ""
                note(
                    f"{problem}: what was charged or refunded after the backup is not known yet. Bookings do not wait "
                    f"for it. Once Stripe answers, run: holdfast restore --findings{where}"
                )
                return
        found = read_findings(connection, last.id)
    if as_json:
        print_json([{**_fields(one), "what_to_do": WHAT_TO_DO[one.kind]} for one in found])
    elif not found:
        note(f"Stripe knows of no charge and no refund after {_moment(last.taken_at)} that the database does not have.")
    else:
        print_table(
            (
                "intent",
                "booking",
                "for",
                "paid at Stripe",
                "refunded there",
                "paid here",
                "refunded here",
                "what to do",
            ),
            [
                (
                    one.intent_id,
                    one.booking_id,
                    _money(one.amount_minor, one.currency),
                    *(
                        _money(amount, one.currency)
                        for amount in (
                            one.provider_received_minor,
                            one.provider_refunded_minor,
                            one.received_minor,
                            one.refunded_minor,
                        )
                    ),
                    WHAT_TO_DO[one.kind],
                )
                for one in found
            ],
            title=f"What Stripe knows beyond the backup of {_moment(last.taken_at)}; nothing was changed",
        )
        note("holdfast restore --findings shows this again.")


@contextmanager
def database_of(
    data: Path | None,
    *,
    may_run: bool,
    is_new_allowed: bool = False,
    database_alone: bool = False,
    service: str = "restore",
) -> Iterator[Database]:
    """The database that the options name. What is logged meanwhile, for example by migrations, goes to standard error.

    With `database_alone` its address is the only secret that is asked for: taking backups needs no Redis.
    """
    from core.configuration.secret_settings import DATABASE, given  # noqa: PLC0415 - as above
    from core.logs import configure  # noqa: PLC0415 - as above
    from core.settings import SettingsError  # noqa: PLC0415 - as above
    from ops.backup.databases import configured  # noqa: PLC0415 - as above

    folder = folder_of(data)
    if folder is None:
        with expected(SettingsError):
            database = configured(os.environ, asks={DATABASE} if database_alone else given(os.environ))
        configure(database.settings.log_level, service)
        with database_errors():
            yield database
        return
    with database_errors(), embedded_database(folder, is_new_allowed=is_new_allowed, may_run=may_run) as database:
        configure(database.settings.log_level, service)
        yield database


@contextmanager
def _archive_file(file: str) -> Iterator[Path]:
    """A file that can be read twice: what comes by standard input is kept until the end."""
    if file != STANDARD:
        yield Path(file)
        return
    with tempfile.NamedTemporaryFile(prefix="holdfast-", suffix=".backup") as kept:  # readable by its owner only
        shutil.copyfileobj(sys.stdin.buffer, kept)
        kept.flush()
        yield Path(kept.name)


def _ask(archive: Archive, database: Database) -> None:
    manifest = archive.manifest
    if not sys.stdin.isatty():
        raise CommandError(
            "--replace deletes what the database holds now, and there is no terminal to ask at: add --yes."
        )
    question = (
        f"Delete what {database.named} holds now, and restore {_counted(manifest.counts)} "
        f"as of {_moment(manifest.taken_at)}?"
    )
    if not typer.confirm(question, err=True):
        raise typer.Abort


class _Show:
    """The progress of a long command: a bar for a person, a line now and then for a log."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - as above
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - as above

        self._is_terminal = sys.stderr.isatty()
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
        self.bar = Progress(*columns, console=Console(stderr=True, markup=False), transient=True)
        self._task = self.bar.add_task("", total=None)
        self._said_at, self._said = time.monotonic(), ""

    def __call__(self, what: str, done: int, of: int) -> None:
        if self._is_terminal:
            self.bar.update(self._task, description=what, completed=done, total=of or None)
            return
        now = time.monotonic()
        if now - self._said_at > SAID_EVERY_S and what != self._said:
            self._said_at, self._said = now, what
            note(f"{what} ...")

    @property
    def is_terminal(self) -> bool:
        return self._is_terminal


@contextmanager
def _shown() -> Iterator[_Show]:
    show = _Show()
    with show.bar if show.is_terminal else nullcontext():
        yield show


def _steps(show: _Show) -> Callable[[Step, int, int], None]:
    def told(step: Step, done: int, of: int) -> None:
        share = f" ({100 * done // of}%)" if of else ""
        show(f"{step}{share}", done, of)

    return told


def _counted(counts: Mapping[str, int]) -> str:
    bookings, people = counts.get("booking", 0), counts.get("user_account", 0)
    words = ("booking" if bookings == 1 else "bookings", "person" if people == 1 else "people")
    return f"{bookings:,} {words[0]} and {people:,} {words[1]}"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1_000_000:,.1f} MB"


def _money(amount_minor: int, currency: str) -> str:
    from core.domain.payments.money import major  # noqa: PLC0415 - as above

    return f"{major(amount_minor, currency)} {currency}"


def _fields(one: Finding) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__struct_fields__}
