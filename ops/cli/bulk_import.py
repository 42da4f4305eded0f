"""`holdfast import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ops.cli.errors import expected
from ops.cli.help_texts import DATA, examples

commands = typer.Typer()


@commands.command(
    "import",
    rich_help_panel=DATA,
    epilog=examples(
        "export HOLDFAST_TOKEN=hfa_...",
        "holdfast import bookings.csv --dry-run",
        "holdfast import bookings.csv --url https://booking.example",
        note="The exit code is 0 if every row was booked, 3 if some were refused, 1 for an error.",
    ),
)
def import_(
    file: Annotated[Path, typer.Argument(help="Its name ends in .csv, .tsv, .ndjson, .jsonl or .json.")],
    *,
    url: Annotated[str, typer.Option(envvar="HOLDFAST_URL", help="Of Holdfast.")] = "http://localhost:8000",
    token: Annotated[
        str,
        typer.Option(
            envvar="HOLDFAST_TOKEN",
            show_default=False,
            help="An agent key, or a staff token. The variable is safer than the option, which others can see.",
        ),
    ] = "",
    mode: Annotated[Literal["each", "all_or_nothing"], typer.Option(help="all_or_nothing: at most 500 rows.")] = "each",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Book nothing; say what would be refused now.")] = False,
    report: Annotated[
        Path | None, typer.Option(help="Where refused rows go (FILE.refused.csv).", show_default=False)
    ] = None,
) -> int:
    """Book every row of a file through the API.

    Sends a CSV, NDJSON or JSON file of bookings (phone, service_name, booking_date, booking_time, ...) as one batch of
    at most 10,000 rows, waits until every row is decided, and writes the refused ones with their reasons to a CSV.
    """
    from ops.importing import command  # noqa: PLC0415 - a command imports what it needs
    from ops.importing.api_client import ImportProblem  # noqa: PLC0415 - as above

    with expected(ImportProblem):
        return command.run(file, url=url, token=token, mode=mode, dry_run=dry_run, report_to=report)
