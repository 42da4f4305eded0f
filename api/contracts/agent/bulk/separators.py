"""Which separator a CSV file seems to have where it cannot be read. Only for messages: no row is read by it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping

from api.contracts.agent.bulk.csv_records import cells_of_line
from core.spreadsheets import SEPARATORS

UNDERSTOOD = "a comma, a semicolon, a tab or |"
"""`SEPARATORS` in words."""
_NAMED: Mapping[str, str] = {"\t": "tabs", " ": "spaces"}
_DECLARED_OTHER = re.compile(r"sep=(.)", re.IGNORECASE)
_WRITTEN = ",;|:~/-.#&*%"
"""Shown as they are; any other sign is called by its name, because it is invisible or means something elsewhere."""


def quoted(separator: str) -> str:
    """To be read after "separated by"."""
    if separator in _NAMED:
        return _NAMED[separator]
    if separator in _WRITTEN:
        return f"'{separator}'"
    code = f"U+{ord(separator):04X}"
    name = unicodedata.name(separator, "").lower()
    return f"the character {code} ({name})" if name else f"the character {code}"


def between(line: str, names: Collection[str]) -> str:
    """The sign that stands between the column names of a line wherever two of them are neighbours; "" if several do."""
    found = set(_between(line.lower(), names))
    return found.pop() if len(found) == 1 else ""


def _between(line: str, names: Collection[str]) -> Iterator[str]:
    any_name = "|".join(sorted(names, key=len, reverse=True))
    for match in re.finditer(rf'(?<!\w)(?:{any_name})"?([^\w"]+)(?="?(?:{any_name})(?!\w))', line):
        yield (match[1].strip(" ") or " ")[0]


def of_row(line: str, columns: int, separator: str) -> str:
    """Another separator by which the line has as many cells as the header; "" if there is none."""
    fits = (other for other in SEPARATORS if other != separator and len(cells_of_line(line, other)) == columns)
    return next(fits, "")


def of_header(line: str, names: Collection[str], separator: str, *, declared: bool) -> str:
    """What is wrong with the separator of a header that cannot be read; "" if it is not that."""
    if other := _DECLARED_OTHER.fullmatch(line):
        return f"sep= names {quoted(other[1])} as the separator; write the file with {UNDERSTOOD}"
    found = between(line, names)
    if found == separator:
        cells = cells_of_line(line, separator)
        return "The whole header stands in one pair of quotes; leave them out" if len(cells) == 1 else ""
    if not found:
        return ""
    if found not in SEPARATORS:
        return f"The columns seem to be separated by {quoted(found)}; separate them by {UNDERSTOOD}"
    sentence = f"The file seems to be separated by {quoted(found)}, not {quoted(separator)}"
    return f"{sentence}; leave out the line sep={separator.strip()} or correct it" if declared else sentence
