"""What a crashed start left behind: recorded by pid and start time, verified, and ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from ops.embedded.child import Child

END_WITHIN_S = 10.0
MARK = "HOLDFAST_INSTALLATION"
"""In every child's environment, so that the workers of a dead process are known as ours."""

_POLL_S = 0.05
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class RecordedProcess(msgspec.Struct, frozen=True):
    name: str
    pid: int
    started: int
    """Clock ticks since boot: with the pid it names one process for ever."""
    stop_signal: int


class Record(msgspec.Struct, frozen=True):
    boot: str
    mark: str
    processes: list[RecordedProcess]


def write_record(path: Path, mark: str, children: Iterable[Child]) -> None:
    """Atomically: a crash at any moment leaves the record of before or of after."""
    processes = [
        RecordedProcess(child.name, child.pid, started, int(child.program.stop_signal))
        for child in children
        if child.exit_code() is None and (started := _started(child.pid)) is not None
    ]
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(Record(_boot(), mark, processes)))
    fresh.rename(path)


def end_leftovers(path: Path) -> list[str]:
    """End what an earlier run left; the names of what was found. Never touches another program's process."""
    try:
        record = msgspec.json.decode(path.read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return []
    if record.boot != _boot():
        return []
    found = [one for one in record.processes if _started(one.pid) == one.started]
    for one in found:
        _send(one.pid, one.stop_signal)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(one.pid, signal.SIGCONT)  # a stopped one would never get the signal, nor let its parent end
    _wait(lambda: any(_started(one.pid) == one.started for one in found))
    for one in found:
        if _started(one.pid) == one.started:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(one.pid, signal.SIGKILL)
    orphans = list(_orphans(record))
    for pid in orphans:
        _send(pid, signal.SIGKILL)
    _wait(lambda: any(_started(one.pid) == one.started for one in found) or any(map(_started, orphans)))
    return [one.name for one in found]


def _orphans(record: Record) -> Iterator[int]:
    """Workers whose main process is gone: in its session, and marked as ours."""
    sessions = {one.pid for one in record.processes}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            stat = _stat(int(entry.name))
            if stat and int(stat[3]) in sessions and _marked(entry, record.mark):
                yield int(entry.name)


def _marked(process: Path, mark: str) -> bool:
    with suppress(OSError):
        return f"{MARK}={mark}".encode() in (process / "environ").read_bytes().split(b"\0")
    return False


def _started(pid: int) -> int | None:
    """Its start time; None if there is no such process, or only its remains."""
    stat = _stat(pid)
    return None if stat is None or stat[0] in "ZX" else int(stat[19])


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat behind the name: state, parent, group, session, ... (proc(5))."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _boot() -> str:
    return _BOOT_ID.read_text().strip()


def _send(pid: int, which: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, which)


def _wait(while_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + END_WITHIN_S
    while while_true() and time.monotonic() < deadline:
        time.sleep(_POLL_S)
