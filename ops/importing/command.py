"""`holdfast import`: its options, its progress, its report and its exit codes."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from core.store.inbox.bulk_status import Mode
from ops.importing.api_client import ApiClient, Counts, ImportProblem, RefusedRow

POLL_S = 0.3
BAR_WIDTH = 40
PROGRESS_LINES = 10
"""Of a whole import, where there is no terminal."""
ALL_BOOKED, SOME_REFUSED = 0, 3
"""Exit codes; 1 is an error, 2 is argparse's."""

MEDIA_TYPES: Mapping[str, str] = {
    ".csv": "text/csv",
    ".ndjson": "application/x-ndjson",
    ".jsonl": "application/x-ndjson",
    ".json": "application/json",
}
DESCRIPTION = """
Send a CSV, NDJSON or JSON file of bookings (phone, service_name, booking_date, booking_time, ...) as one batch of at
most 10,000 rows, wait until every row is decided, and write the refused ones with their reasons to a CSV. The exit
code is 0 if every row was booked, 3 if some were refused, 1 for an error.
"""


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("import", help="book every row of a file through the API", description=DESCRIPTION)
    parser.add_argument("file", type=Path, help="its name ends in .csv, .ndjson, .jsonl or .json")
    url = os.environ.get("HOLDFAST_URL") or "http://localhost:8000"
    parser.add_argument("--url", default=url, help="of Holdfast (HOLDFAST_URL, else http://localhost:8000)")
    parser.add_argument("--token", help="an agent key, or a staff token (HOLDFAST_TOKEN; safer than the option)")
    parser.add_argument("--mode", choices=list(Mode), default=Mode.EACH, help="all_or_nothing: at most 500 rows")
    parser.add_argument("--dry-run", action="store_true", help="book nothing; say what would be refused now")
    parser.add_argument("--report", type=Path, help="where refused rows go (FILE.refused.csv)")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    file: Path = arguments.file
    media_type = _media_type(file)
    token = arguments.token or os.environ.get("HOLDFAST_TOKEN") or ""
    if not token:
        raise ImportProblem("There is no key to import with: set HOLDFAST_TOKEN or give --token.")
    with ApiClient(arguments.url, token) as service:
        if arguments.dry_run:
            counts, refused = service.dry_run(file, media_type, arguments.mode)
        else:
            counts, refused = _import(service, file, media_type, arguments.mode)
    path = arguments.report or file.with_suffix(".refused.csv")
    if refused:
        from ops.importing import report  # noqa: PLC0415 - it brings the API's packages, which other commands do without

        report.write(path, refused, file, media_type)
    _sum_up(counts, path, len(refused), dry_run=arguments.dry_run)
    return SOME_REFUSED if refused else ALL_BOOKED


def _import(service: ApiClient, file: Path, media_type: str, mode: str) -> tuple[Counts, list[RefusedRow]]:
    batch_id = service.send(file, media_type, mode)
    print(f"Accepted as batch {batch_id}; it goes on even if this command is stopped.", file=sys.stderr)
    progress = Progress(sys.stderr)
    counts = service.counts(batch_id)
    progress.show(counts)
    while counts.accepted:
        time.sleep(POLL_S)
        counts = service.counts(batch_id)
        progress.show(counts)
    progress.end()
    return counts, list(service.refused(batch_id)) if counts.rejected or counts.failed else []


class Progress:
    """A bar for a person at a terminal; otherwise a line now and then."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._lines_written = 0

    def show(self, counts: Counts) -> None:
        done = counts.rows - counts.accepted
        if self._is_terminal:
            filled = BAR_WIDTH * done // counts.rows
            self._write(f"\r[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {_progress_text(done, counts)}")
        elif PROGRESS_LINES * done // counts.rows > self._lines_written:
            self._lines_written = PROGRESS_LINES * done // counts.rows
            self._write(f"{_progress_text(done, counts)}\n")

    def end(self) -> None:
        if self._is_terminal:
            self._write("\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _progress_text(done: int, counts: Counts) -> str:
    return f"{done:,} of {counts.rows:,} rows, {counts.rejected + counts.failed:,} refused"


def _media_type(file: Path) -> str:
    if not file.is_file():
        raise ImportProblem(f"There is no file {file}.")
    if file.suffix.lower() not in MEDIA_TYPES:
        raise ImportProblem(f"The name of {file} must end in one of {', '.join(MEDIA_TYPES)}.")
    return MEDIA_TYPES[file.suffix.lower()]


def _sum_up(counts: Counts, path: Path, named: int, *, dry_run: bool) -> None:
    refused = counts.rejected + counts.failed
    booked = "would be booked" if dry_run else "booked"
    print(f"{counts.succeeded:,} of {counts.rows:,} rows {booked}, {refused:,} refused.")
    if refused:
        which = "The refused rows" if named == refused else f"The first {named:,} refused rows"
        print(f"{which} are in {path}.")
