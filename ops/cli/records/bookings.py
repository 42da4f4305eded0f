"""`holdfast export bookings`."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal

import typer

from core.domain.marketplace.details import Kind
from ops.cli.console import note
from ops.cli.errors import CommandError
from ops.cli.help_texts import DATA, examples
from ops.cli.records.streams import OutputFile, Overwrite, output, quiet_when_unread, refuse_existing
from ops.cli.store_access import database, database_errors, read_settings

if TYPE_CHECKING:
    from core.settings import Settings
    from core.store.lists.exported_bookings import Export, ExportedBooking, ExportFilter

commands = typer.Typer(help="Export bookings.", no_args_is_help=True, rich_help_panel=DATA)

Contract = Literal["agent", "appointments", "calendar", "marketplace", "rooms"]
Format = Literal["csv", "jsonl"]
ENDINGS: dict[str, Format] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
SHOWN_EVERY_S = 0.2


def _day(raw: str) -> date:
    try:
        return date.fromisoformat(raw)
    except ValueError:
        raise typer.BadParameter("it is not a day such as 2030-01-31") from None


@commands.command(
    epilog=examples(
        "holdfast export bookings --output bookings.csv",
        "holdfast export bookings --from 2030-01-01 --to 2030-01-31 --contract agent --output january.jsonl",
        "holdfast export bookings --format jsonl | jq -c 'select(.status == \"confirmed\")'",
        note="Names, addresses and phone numbers are in it: only its owner can read FILE, which appears once it is "
        "complete. A CSV cell that a spreadsheet would take for a formula begins with an apostrophe. Days are local to "
        "what is booked.",
    )
)
def bookings(
    *,
    first_day: Annotated[
        Any | None, typer.Option("--from", parser=_day, metavar="DAY", help="The first day.", show_default=False)
    ] = None,
    last_day: Annotated[
        Any | None, typer.Option("--to", parser=_day, metavar="DAY", help="The last day.", show_default=False)
    ] = None,
    contract: Annotated[
        Contract | None,
        typer.Option(help="Only those made through it.", show_default=False),
    ] = None,
    kind: Annotated[
        Kind | None, typer.Option(help="Only this practitioner's, of the marketplace.", show_default=False)
    ] = None,
    format_: Annotated[
        Format | None, typer.Option("--format", help="As FILE ends, else csv; jsonl: one JSON object a line.")
    ] = None,
    file: OutputFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Write all bookings as of one moment, in the order in which they were made. The audit log has it.

    Deleted ones are left out. Prices are in the currency's smallest unit, times in UTC beside the local day and time.
    """
    from core.store.lists.exported_bookings import ExportFilter  # noqa: PLC0415 - a command imports what it needs

    if first_day is not None and last_day is not None and last_day < first_day:
        raise CommandError("--to is a day before --from.", exit_code=2)
    if file is not None:
        refuse_existing(file, overwrite=overwrite)
    format_ = format_ or ENDINGS.get(file.suffix.lower() if file is not None else "", "csv")
    wanted = ExportFilter(first_day, last_day, contract, kind)
    began = time.monotonic()
    with quiet_when_unread():
        count = _export(read_settings(), wanted, format_, file)
        note(f"{count:,} bookings{f' in {file}' if file is not None else ''}, {time.monotonic() - began:.1f} s.")


def _export(settings: Settings, wanted: ExportFilter, format_: Format, file: Path | None) -> int:
    from core.store.connections.database import EXPORT_LIMITS, connect  # noqa: PLC0415 - as above
    from core.store.lists.exported_bookings import exported  # noqa: PLC0415 - as above

    write = _write_csv if format_ == "csv" else _write_lines
    with (
        _slow_readers(),
        database_errors(),
        connect(settings.database_url, EXPORT_LIMITS, "holdfast export") as connection,
        exported(connection, wanted) as found,
        output(file) as out,
        _shown(found, beside_rows=file is None) as rows,
    ):
        _note_in_the_audit_log(settings, wanted, format_, found.total)
        write(out, rows)
        return found.total


@contextmanager
def _slow_readers() -> Iterator[None]:
    """A snapshot that is held for ever would keep PostgreSQL from vacuuming."""
    from psycopg.errors import IdleInTransactionSessionTimeout  # noqa: PLC0415 - as above

    try:
        yield
    except IdleInTransactionSessionTimeout:
        raise CommandError(
            "Nobody took any rows for a minute, so the export ended and is incomplete. Write it to a file with --output."
        ) from None


def _note_in_the_audit_log(settings: Settings, wanted: ExportFilter, format_: Format, total: int) -> None:
    """Before anything is exported: without an entry there is no export."""
    from msgspec.structs import asdict  # noqa: PLC0415 - as above

    from core.store.audit import AuditEntry, record  # noqa: PLC0415 - as above
    from ops.operator_identity import operator  # noqa: PLC0415 - as above

    narrowed = {name: value for name, value in asdict(wanted).items() if value is not None}
    after = {"bookings": total, "format": format_, **narrowed}
    with database(settings, "audit") as connection:
        record(connection, AuditEntry(operator(), "booking.exported", "database:1", None, after))


def _write_csv(out: BinaryIO, rows: Iterable[ExportedBooking]) -> None:
    from core import spreadsheets  # noqa: PLC0415 - as above
    from core.store.lists.exported_bookings import ExportedBooking  # noqa: PLC0415 - as above

    text = io.TextIOWrapper(out, encoding=spreadsheets.ENCODING, newline="")
    try:
        spreadsheets.write(text, [ExportedBooking.__struct_fields__])
        spreadsheets.write(text, map(_cells, rows))
        text.flush()
    finally:
        text.detach()


def _cells(row: ExportedBooking) -> list[str]:
    from msgspec import to_builtins  # noqa: PLC0415 - as above

    return ["" if cell is None else str(cell) for cell in to_builtins(row).values()]


def _write_lines(out: BinaryIO, rows: Iterable[ExportedBooking]) -> None:
    from msgspec.json import Encoder  # noqa: PLC0415 - as above

    encode = Encoder().encode
    out.writelines(encode(row) + b"\n" for row in rows)


@contextmanager
def _shown(found: Export, *, beside_rows: bool) -> Iterator[Iterator[ExportedBooking]]:
    """The rows. Standard error tells the progress, if it is a terminal that does not show the rows too."""
    if not sys.stderr.isatty() or (beside_rows and sys.stdout.isatty()):
        yield found.rows
        return
    try:
        yield _counted(found)
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _counted(found: Export) -> Iterator[ExportedBooking]:
    shown_at = 0.0
    for number, row in enumerate(found.rows, 1):
        if time.monotonic() - shown_at > SHOWN_EVERY_S:
            shown_at = time.monotonic()
            print(f"\r{number:,} of {found.total:,} bookings", end="", file=sys.stderr, flush=True)
        yield row
