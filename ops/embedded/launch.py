"""Become a command that ends with its parent: `python launch.py SIGNAL PARENT_PID COMMAND...`.

The parent-death signal makes a `kill -9` of the supervisor leave no orphans. It is set here, in a
process of its own, because code between fork and exec is not safe in a parent that has threads.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(argv: list[str]) -> None:
    death_signal, parent, command = int(argv[0]), int(argv[1]), argv[2:]
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)  # it died before the signal was set
    try:
        os.execvp(command[0], command)  # noqa: S606 - the command is the supervisor's own
    except OSError as problem:
        sys.exit(f"holdfast: {command[0]} cannot be started: {problem.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
