"""What runs before and after a request in Postman: days that are to come, and what an answer is kept for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

DAY = re.compile(r"(?<![0-9])20[0-9]{2}-[0-9]{2}-[0-9]{2}(?![0-9])")
DESCRIBED = 'pm.test("an answer that the description names", () => pm.expect({named}).to.include(pm.response.code));'
PUT_AHEAD = """// The example's days, whole weeks later: the first of them is one to two weeks from now.
const days = {days}, week = 7 * 86400000;
const later = Math.ceil((Date.now() + week - Date.parse(days[0])) / week) * week;
days.forEach((day, n) => pm.variables.set("day_" + (n + 1), new Date(Date.parse(day) + later).toISOString().slice(0, 10)));"""


def with_days(text: str, days: Sequence[str]) -> str:
    for number, day in enumerate(days, 1):
        text = text.replace(day, f"{{{{day_{number}}}}}")
    return text


def put_ahead(days: Sequence[str]) -> str:
    """Before a request whose example names these days, in their order."""
    return PUT_AHEAD.format(days=json.dumps(list(days)))


def after(named: Sequence[int], keeps: Mapping[str, str]) -> str:
    """The answer is one of those named; what was made is kept for the requests that follow."""
    lines = [DESCRIBED.format(named=json.dumps(list(named)))]
    if keeps:
        lines += [
            "if (pm.response.code < 300) {",
            "  const told = pm.response.json();",
            *(f'  pm.collectionVariables.set("{name}", String({where}));' for name, where in keeps.items()),
            "}",
        ]
    return "\n".join(lines)
