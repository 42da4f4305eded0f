"""Holdfast's command line: `holdfast COMMAND`, or `python -m ops.cli COMMAND`. One module for each group of commands.

`application.py` has the table of groups; a new one is a module and a line there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code: 0, 1 with one sentence on standard error, 2 for wrong usage.

    Each container runs `check` every few seconds, so it is looked for before anything is imported that reads command
    lines and draws tables. Whatever is not exactly a check (`check --help`, a wrong option) goes the long way.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["check"]:
        from ops.cli import health  # noqa: PLC0415 - each command imports only what it needs

        if wanted := health.wanted(words[1:]):
            return health.run(*wanted)
    from ops.cli import application  # noqa: PLC0415 - as above

    return application.run(words)
