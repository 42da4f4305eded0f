"""`holdfast check PART` without typer and rich: it runs often, in every container, beside the part that it checks."""

from __future__ import annotations

import sys
from collections.abc import Sequence

PARTS = ("api", "lanes", "payments", "sweeps", "beat", "notifier", "flower")
"""As in `ops.checks`, which is imported only when one of them is checked."""


def wanted(words: Sequence[str]) -> tuple[str, str | None] | None:
    """The part and its worker's name if the words are `PART` or `PART --node NODE`, as `ops/processes.py` has them."""
    match words:
        case [part] if part in PARTS:
            return part, None
        case [part, "--node", node] if part in PARTS:
            return part, node
    return None


def run(part: str, node: str | None) -> int:
    """The exit code, with the reason on standard error."""
    from core.settings import SettingsError, from_environment  # noqa: PLC0415 - a command imports what it needs
    from ops.checks import CheckError, check  # noqa: PLC0415 - as above

    try:
        check(part, from_environment(), node)
    except (SettingsError, CheckError) as problem:
        print(f"holdfast: {problem}", file=sys.stderr)
        return 1
    return 0
