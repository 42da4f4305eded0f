"""A calendar file of somebody else, read in a process apart: a rule of two lines can be made to take hours and all memory.

The process is given the file and none of our secrets, may use so much processor time and memory, and is ended after
`WITHIN_S` whatever it does. It is this module: `python -m core.busy_calendars.reading ZONE BEGINS ENDS`.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

import core
from core.calendars.busy_times import BadCalendarError, BusyTimes, read_busy_times
from core.domain.resources.local_time import Span

PROCESSOR_S = 20
WITHIN_S = 40.0
MEMORY_BYTES = 512 * 1024 * 1024
ANSWER_MAX_BYTES = 4 * 1024 * 1024
ROOT = Path(core.__file__).parents[1]
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "LANG")
TOO_MUCH = "it takes too long or too much memory to read"


class _Read(Struct, frozen=True):
    """What the process answers: one of the two."""

    found: BusyTimes | None = None
    problem: str | None = None


def read_apart(file: bytes, zone_name: str, window: Span, *, within_s: float = WITHIN_S) -> BusyTimes:
    """Raises `BadCalendarError`."""
    argv = [sys.executable, "-m", __name__, zone_name, *(at.isoformat() for at in window)]
    try:
        done = subprocess.run(  # noqa: S603 - ourselves
            argv, input=file, capture_output=True, timeout=within_s, cwd=ROOT, env=_environment(), check=False
        )
    except subprocess.TimeoutExpired:
        raise BadCalendarError(TOO_MUCH) from None
    if done.returncode != 0 or len(done.stdout) > ANSWER_MAX_BYTES:
        raise BadCalendarError(TOO_MUCH)
    read = msgspec.json.decode(done.stdout, type=_Read)
    if read.found is None:
        raise BadCalendarError(read.problem or TOO_MUCH)
    return read.found


def _environment(own: Mapping[str, str] = os.environ) -> dict[str, str]:
    return {name: own[name] for name in _PASSED_ON if name in own}


def main(zone_name: str, begins: str, ends: str) -> None:
    _limit()
    window = datetime.fromisoformat(begins), datetime.fromisoformat(ends)
    try:
        read = _Read(read_busy_times(sys.stdin.buffer.read(), zone_name, window))
    except BadCalendarError as problem:
        read = _Read(problem=str(problem))
    sys.stdout.buffer.write(msgspec.json.encode(read))


def _limit() -> None:
    for kind, most in ((resource.RLIMIT_CPU, PROCESSOR_S), (resource.RLIMIT_AS, MEMORY_BYTES)):
        with suppress(ValueError, OSError):  # not every system has each of them
            resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    main(*sys.argv[1:])
