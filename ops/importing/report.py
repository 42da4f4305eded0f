"""The refused rows as a CSV that opens in a spreadsheet and, once corrected, can be sent as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from api.contracts.agent.bulk.bulk_request import FORMATS
from api.contracts.agent.bulk.csv_rows import COLUMNS, REPORTED, CsvRows
from api.contracts.agent.bulk.rows import BadRow, Row
from core import spreadsheets
from ops.importing.api_client import RefusedRow

PIECE_BYTES = 64 * 1024


class SentRow(Struct, frozen=True):
    """What a file says of one row, as text."""

    fields: Mapping[str, str]
    more: Sequence[str] = ()
    """Cells beyond the header's last column."""


NOTHING = SentRow({})


def write(report: Path, refused: Sequence[RefusedRow], file: Path, media_type: str) -> None:
    """Replaces an existing file. A CSV's report has the CSV's separator."""
    kind = FORMATS[media_type]
    splitter = kind(accepted=True) if issubclass(kind, CsvRows) else kind()  # perhaps by another release
    wanted = {one.row for one in refused}
    sent = {number: row for number, row in enumerate(rows_of(file, splitter), 1) if number in wanted}
    names = _columns(splitter, sent.values())
    rows = [[*REPORTED, *names], *(_cells(one, sent.get(one.row, NOTHING), names) for one in refused)]
    separator = splitter.separator if isinstance(splitter, CsvRows) else spreadsheets.COMMA
    with report.open("w", newline="", encoding=spreadsheets.ENCODING) as out:
        spreadsheets.write(out, rows, separator)


def _columns(splitter: Any, sent: Iterable[SentRow]) -> list[str]:
    """A CSV's own; else what a row must have and what there is."""
    if isinstance(splitter, CsvRows):
        return [name for name in splitter.columns if name not in REPORTED]
    there = dict.fromkeys(chain.from_iterable(row.fields for row in sent))
    known = [name for name, required in COLUMNS.items() if required or name in there]
    return known + [name for name in there if name not in COLUMNS and name not in REPORTED]


def _cells(one: RefusedRow, sent: SentRow, names: Sequence[str]) -> list[str]:
    said = (str(one.row), str(one.http_status), one.code, one.message)
    return [*said, *(sent.fields.get(name, "") for name in names), *sent.more]


def rows_of(file: Path, splitter: Any) -> Iterator[SentRow]:
    """The file's rows, counted as the service counts them; nothing of those that cannot be read."""
    with file.open("rb") as body:
        pieces = iter(lambda: body.read(PIECE_BYTES), b"")
        yield from map(_sent, chain(chain.from_iterable(map(splitter.feed, pieces)), splitter.end()))


def _sent(row: Row) -> SentRow:
    if isinstance(row, BadRow):
        return SentRow(row.sent, row.more)
    try:
        found = msgspec.json.decode(row)
    except msgspec.DecodeError:
        return NOTHING
    return SentRow({name: _text(value) for name, value in found.items()}) if isinstance(found, dict) else NOTHING


def _text(value: Any) -> str:
    """As a cell: nothing for null, JSON for what is no text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
