"""Which formats a bulk may have, by media type."""

from __future__ import annotations

from collections.abc import Mapping

import falcon.asgi

from api.contracts.agent.bulk.csv_rows import CsvRows
from api.contracts.agent.bulk.json_rows import JsonRows, NdjsonRows
from api.contracts.agent.bulk.row_splitter import RowSplitter
from api.http.errors import Problem

FORMATS: Mapping[str, type[NdjsonRows | CsvRows | JsonRows]] = {
    "application/json": JsonRows,
    "application/x-ndjson": NdjsonRows,
    "application/ndjson": NdjsonRows,
    "application/jsonl": NdjsonRows,
    "text/csv": CsvRows,
}
"""What each is called; a charset other than UTF-8 shows when it is read."""


def row_splitter_for(req: falcon.asgi.Request) -> RowSplitter:
    """Raises Problem 415 for what cannot be read here."""
    media_type = (req.content_type or "").partition(";")[0].strip().lower()
    if media_type not in FORMATS:
        words = f"Content-Type must be one of {', '.join(FORMATS)}"
        raise Problem(415, "unsupported_media_type", words)
    return FORMATS[media_type]()
