"""For the Makefile: `python -m ops.quietly MODULE ARGUMENT...`, a command whose last word is its own.

Where a recipe fails, make adds `make: *** [Makefile:37: run] Error 1`, which only hides the sentence above it. SIGQUIT
ends make with exit code 1 and without a word. A crash keeps make's line, below its traceback.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import time
from pathlib import Path

PATIENCE_S = 0.5
PAUSE_S = 0.02


def main() -> int:
    module, *arguments = sys.argv[1:]
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = _told(end)
        if not code or "MAKELEVEL" not in os.environ or _ignores_signal(os.getppid()):
            return code
        sys.stdout.flush()
        _end(os.getppid())
    return 0  # make, which is ending, says something about any other


def _end(make: int) -> None:
    """Returns once make is ending: it counts on a child that it waits for."""
    os.kill(make, signal.SIGQUIT)
    began = time.monotonic()
    while _waits_for_signal(make) and time.monotonic() - began < PATIENCE_S:
        time.sleep(PAUSE_S)
    time.sleep(PAUSE_S)


def _ignores_signal(pid: int) -> bool:
    """As make does under nohup or in the background of a script. Without /proc that is unknown: then it may."""
    return _has_signal(pid, "SigIgn")


def _waits_for_signal(pid: int) -> bool:
    """Whether a SIGQUIT is still to be delivered."""
    return _has_signal(pid, "SigPnd", "ShdPnd")


def _has_signal(pid: int, *masks: str) -> bool:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return True
    found = [int(line.split()[1], 16) for line in lines if line.startswith(masks)]
    return any(mask >> (signal.SIGQUIT - 1) & 1 for mask in found)


def _told(end: SystemExit) -> int:
    """Its exit code; a sentence in place of one is printed, as Python does."""
    if isinstance(end.code, str):
        print(end.code, file=sys.stderr)
        return 1
    return end.code or 0


if __name__ == "__main__":
    sys.exit(main())
