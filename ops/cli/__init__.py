"""Holdfast's command line: `holdfast COMMAND`, or `python -m ops.cli COMMAND`. One module for each group of commands.

`application.py` has the table of groups; a new one is a module and a line there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

STOPPED = 128 + 2
"""As shells say that a program ended by SIGINT."""


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code: 0, 1 with one sentence on standard error, 2 for wrong usage, 130 for Ctrl-C during the imports."""
    try:
        from ops.cli import application  # noqa: PLC0415 - `ops.cli` itself imports nothing that draws tables

        return application.run(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:
        print("holdfast: stopped.", file=sys.stderr)
        return STOPPED
