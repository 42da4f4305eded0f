"""The refused rows as a CSV that opens in a spreadsheet: number, reason, and what was sent."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from api.contracts.agent.bulk.formats import FORMATS
from api.errors import Problem
from ops.importing.service import Refused

COLUMNS = ("row", "status", "code", "message")
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins with one of these is a formula to a spreadsheet."""
PIECE_BYTES = 64 * 1024


def write(report: Path, refused: Sequence[Refused], file: Path, media_type: str) -> None:
    """Replaces what is there."""
    wanted = {one.row for one in refused}
    sent = {number: row for number, row in enumerate(rows_of(file, media_type), 1) if number in wanted}
    names = list(dict.fromkeys(chain.from_iterable(sent.values())))
    with report.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow([*COLUMNS, *map(safe, names)])
        writer.writerows(_cells(one, sent.get(one.row, {}), names) for one in refused)


def _cells(one: Refused, sent: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    said = (str(one.row), str(one.http_status), one.code, one.message)
    return [safe(cell) for cell in (*said, *(str(sent.get(name, "")) for name in names))]


def safe(cell: str) -> str:
    """As text, even to a spreadsheet."""
    return f"'{cell}" if cell.startswith(FORMULAS) else cell


def rows_of(file: Path, media_type: str) -> Iterator[dict[str, Any]]:
    """The file's rows, counted as the service counts them; empty ones where they cannot be read."""
    splitter = FORMATS[media_type]()
    with file.open("rb") as body:
        pieces = iter(lambda: body.read(PIECE_BYTES), b"")
        for row in chain(chain.from_iterable(map(splitter.feed, pieces)), splitter.end()):
            yield {} if isinstance(row, Problem) else _object(row)


def _object(row: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(row)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}
