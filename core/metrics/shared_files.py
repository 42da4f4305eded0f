"""Metrics of several processes, served by their parent: prometheus-client's files, one set a place.

The library names its files by process id, so they would pile up as children come and go, and the gauges of a child that
was killed would stay. Here each child takes a place: the lowest number whose lock is free, and the kernel frees a lock
however its holder dies. The next child in a place counts on where the last one ended; gauges of a place without a
holder are removed before they are read.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric, values
from prometheus_client.multiprocess import MultiProcessCollector

PARENT = "parent"
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable by which prometheus-client finds the folder."""


class _Shared:
    """What a process shares with its children."""

    folder: Path | None = None
    """None: this process counts for itself."""
    place: str = PARENT


def share() -> CollectorRegistry:
    """Call once in the parent, before it forks. The folder is new, and is removed with the parent."""
    folder = _Shared.folder = Path(tempfile.mkdtemp(prefix="holdfast-metrics-"))
    os.environ[FOLDER] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: _Shared.place)  # type: ignore[no-untyped-call]
    atexit.register(_remove_folder, folder, os.getpid())
    registry = CollectorRegistry()
    registry.register(_Merged(folder))
    return registry


def take_place() -> None:
    """In a child, before it makes its metrics; does nothing if its parent shares none."""
    if _Shared.folder is not None:
        _Shared.place = str(_lock_free_place(_Shared.folder))


def _remove_folder(folder: Path, maker: int) -> None:
    if os.getpid() == maker:  # children inherit exit handlers
        shutil.rmtree(folder, ignore_errors=True)


class _Merged:
    """A collector: the sums over all places."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        remove_gauges_of_the_dead(self._folder)
        yield from MultiProcessCollector(None, str(self._folder)).collect()  # type: ignore[no-untyped-call]


def remove_gauges_of_the_dead(folder: Path) -> None:
    """Counters and histograms stay: a sum that went down would look like a restart."""
    for lock in folder.glob("place-*"):
        file = _try_lock(lock)
        if file is not None:
            _remove_gauges(folder, lock.name.removeprefix("place-"))
            os.close(file)


def _lock_free_place(folder: Path) -> int:
    """Its lock is held until this process ends."""
    for number in count():
        if _try_lock(folder / f"place-{number}") is not None:
            _remove_gauges(folder, str(number))
            return number
    raise AssertionError


def _try_lock(path: Path) -> int | None:
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _remove_gauges(folder: Path, place: str) -> None:
    for path in folder.glob(f"gauge_*_{place}.db"):
        path.unlink(missing_ok=True)
