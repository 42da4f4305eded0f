"""CSV that a spreadsheet opens as text, and that can be read back as it was.

A cell that a spreadsheet would take for a formula gets a `'` in front (OWASP, "CSV Injection"): it is shown, not run.
`restored` takes that `'` away again, so that what was written and what is read are the same.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from typing import TextIO

ENCODING = "utf-8-sig"
"""Excel takes a file for UTF-8 only if it begins with a byte order mark."""
COMMA = ","
SEPARATORS = (COMMA, ";", "\t", "|")
"""Which of the first three Excel writes depends on the language that it runs in; databases like to write the last."""

_CALCULATED = "=+@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212-"
"""Characters that begin a formula: the signs, their fullwidth and small forms, and the minus sign."""
_BEGINS = rf"'*(?:[\t\r\n]|\s*[{_CALCULATED}])"
_UNSAFE = re.compile(_BEGINS)
_NEUTRALISED = re.compile(f"'{_BEGINS}")


def safe(cell: str) -> str:
    """The cell as text, even to a spreadsheet."""
    return f"'{cell}" if _UNSAFE.match(cell) else cell


def restored(cell: str) -> str:
    """What `safe` was given, and every other cell as it is."""
    return cell[1:] if cell.startswith("'") and _NEUTRALISED.match(cell) else cell


def write(out: TextIO, rows: Iterable[Sequence[str]], separator: str = COMMA) -> None:
    """Holdfast's only CSV writer: every cell is safe. `out` was opened with `ENCODING` and `newline=""`."""
    csv.writer(out, delimiter=separator).writerows([safe(cell) for cell in row] for row in rows)
