"""`holdfast restore`, and what Stripe knows beyond a backup."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.backups.progress import Progress, shown
from ops.cli.backups.target import STANDARD, Programs, counted, database_of, moment, note_in_the_audit_log
from ops.cli.console import note, print_json, print_table
from ops.cli.errors import CommandError, expected
from ops.cli.help_texts import SETUP, examples
from ops.cli.store_access import Data

if TYPE_CHECKING:
    from core.store.payments.findings import Finding
    from ops.backup.archive import Archive
    from ops.backup.databases import Database
    from ops.backup.restore import Outcome, Step

commands = typer.Typer()


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
            with shown() as show:
                outcome = put_back(archive, database, _steps(show), replace=replace, folder=pg_bin)
            _end_demo(database)
            note_in_the_audit_log(database, "database.restored", {"taken_at": outcome.taken_at})
            note(
                f"Restored {counted(archive.manifest.counts)} as of {moment(outcome.taken_at)} into {database.named} "
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
        with shown() as show:
            outcome = recovered(database, at, _steps(show))
        note_in_the_audit_log(database, "database.restored", {"recovered_to": at})
        note(f"Settled {database.named} as of {moment(at)}.")
        _say_the_rest(database, outcome, data)


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
                with shown() as show:
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
        note(f"Stripe knows of no charge and no refund after {moment(last.taken_at)} that the database does not have.")
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
            title=f"What Stripe knows beyond the backup of {moment(last.taken_at)}; nothing was changed",
        )
        note("holdfast restore --findings shows this again.")


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
        f"Delete what {database.named} holds now, and restore {counted(manifest.counts)} "
        f"as of {moment(manifest.taken_at)}?"
    )
    if not typer.confirm(question, err=True):
        raise typer.Abort


def _steps(show: Progress) -> Callable[[Step, int, int], None]:
    def told(step: Step, done: int, of: int) -> None:
        share = f" ({100 * done // of}%)" if of else ""
        show(f"{step}{share}", done, of)

    return told


def _money(amount_minor: int, currency: str) -> str:
    from core.domain.payments.money import major  # noqa: PLC0415 - as above

    return f"{major(amount_minor, currency)} {currency}"


def _fields(one: Finding) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__struct_fields__}
