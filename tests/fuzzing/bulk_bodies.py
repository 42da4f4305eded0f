"""Bulks in the forms that JSON Schema does not know: lines of JSON, and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

COLUMNS: Mapping[str, Sequence[str]] = {
    "phone": ("2025550101", "(202) 555-0102", "1", "-"),
    "service_name": ("Legal Consultation", "Haircut, long", '"Quoted"', ""),
    "booking_date": ("2030-10-21", "10/21/2030", "2030-02-30", "soon"),
    "booking_time": ("10:00", "2:30 PM", "25:00", ""),
    "notes": ("", "two\nlines", "\u00fc"),
}
"""What a row may hold, good and bad: a bad row is refused by itself, the bulk is taken."""
ROWS_MAX = 4
_ROWS = st.lists(
    st.fixed_dictionaries({name: st.sampled_from(some) for name, some in COLUMNS.items()}),
    min_size=1,
    max_size=ROWS_MAX,
)


def rows_of_csv() -> st.SearchStrategy[str]:
    return _ROWS.map(_csv)


def rows_of_json() -> st.SearchStrategy[str]:
    return _ROWS.map(lambda rows: "\n".join(json.dumps(row) for row in rows))


def _csv(rows: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(COLUMNS))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
