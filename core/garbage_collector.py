"""Python's cycle collector in a long-lived process: what exists after the start stays, so it is not looked at again."""

from __future__ import annotations

import atexit
import gc

YOUNG_MAX = 10_000
"""New containers between two looks at the young ones (Python's own default: 700)."""


def begin() -> None:
    """Call before anything is imported: nothing of what that makes is garbage, and looking costs a twentieth of a start."""
    gc.set_threshold(YOUNG_MAX)


def settle() -> None:
    """Call once a process is ready to serve.

    Without it each full collection walks hundreds of thousands of modules' objects, 20 to 40 ms
    during which nobody is answered; under load that is the p99.
    """
    gc.collect()
    gc.freeze()


def end_quickly() -> None:
    """Call when a process starts, so that its end does not collect what the system frees anyway.

    Taking all modules apart costs half a second of processor time, which is many seconds on a busy machine: a process
    was killed for it that had long finished its work. Whatever must happen at the end is registered with `atexit` or
    done before; nothing counts on a cycle's `__del__`.
    """
    atexit.register(gc.freeze)
