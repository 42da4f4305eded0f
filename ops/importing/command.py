"""`holdfast import`: its progress, its report and its exit codes."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from ops.importing.api_client import ApiClient, Counts, ImportProblem, RefusedRow

POLL_S = 0.3
BAR_WIDTH = 40
PROGRESS_LINES = 10
"""Of a whole import, where there is no terminal."""
ALL_BOOKED, SOME_REFUSED = 0, 3
"""Exit codes; 1 is an error, 2 is wrong usage."""

MEDIA_TYPES: Mapping[str, str] = {
    ".csv": "text/csv",
    ".tsv": "text/csv",
    ".ndjson": "application/x-ndjson",
    ".jsonl": "application/x-ndjson",
    ".json": "application/json",
}


def run(file: Path, *, url: str, token: str, mode: str, dry_run: bool, report_to: Path | None) -> int:
    """The exit code: `ALL_BOOKED` or `SOME_REFUSED`. Raises `ImportProblem`."""
    media_type = _media_type(file)
    if not token:
        raise ImportProblem("There is no key to import with: set HOLDFAST_TOKEN or give --token.")
    with ApiClient(url, token) as service:
        if dry_run:
            counts, refused = service.dry_run(file, media_type, mode)
        else:
            counts, refused = _import(service, file, media_type, mode)
    path = report_to or file.with_suffix(".refused.csv")
    if refused:
        from ops.importing import report  # noqa: PLC0415 - it brings the API's packages, which other commands do without

        report.write(path, refused, file, media_type)
    _sum_up(counts, path, len(refused), dry_run=dry_run)
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
