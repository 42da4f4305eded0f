"""Takes backups by a schedule until it is stopped: `holdfast keep-backups`."""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from ops.backup.archive import Archive, BackupError
from ops.backup.backup import Taken
from ops.backup.schedule import Schedule, moment_of, name_of, newest_of

RETRY_AFTER = timedelta(minutes=10)
LOOK_EVERY_S = 30.0
"""The clock may be set meanwhile."""
_UNFINISHED = re.compile(r"\.(holdfast-\d{8}T\d{6}Z\.backup)\.\d+\.unfinished")

log = structlog.get_logger()


def _now() -> datetime:
    return datetime.now(UTC)


class Keeper:
    """One to a folder. What lies there under other names stays as it is."""

    def __init__(
        self, folder: Path, schedule: Schedule, take: Callable[[Path], Taken], clock: Callable[[], datetime] = _now
    ) -> None:
        """`take` writes a backup to a file, or raises `BackupError`. Raises `BackupError` if the folder cannot be used."""
        self._folder, self._schedule, self._take, self._clock = folder, schedule, take, clock
        self._since = clock()
        self._not_before = self._since
        self._failed: str | None = None
        self._lock = _locked(folder)
        self._remove_unfinished()

    def run(self) -> None:
        """Runs until an exception ends it, for example that of a signal."""
        while True:
            self.look()
            time.sleep(LOOK_EVERY_S)

    def take_now(self) -> None:
        """Due or not. Raises `BackupError`; then no older one was removed."""
        try:
            self._take_one(self._clock())
        except OSError as problem:
            raise BackupError(f"{self._folder} cannot be written to: {problem.strerror}.") from None

    def look(self) -> None:
        """Take a backup if one is due, and not too soon after one that failed."""
        now = self._clock()
        if now < self._not_before or not self._schedule.is_due(self._newest(now), now):
            return
        try:
            self._take_one(now, next_at=self._schedule.next_due(now).isoformat())
        except (BackupError, OSError) as problem:
            self._failed, self._not_before = str(problem), self._clock() + RETRY_AFTER
            log.error(  # noqa: TRY400 - the sentence says it all
                "a backup failed", problem=self._failed, again_at=self._not_before.isoformat()
            )

    def problem(self) -> str | None:
        """The problem for the health check; None while the newest backup is as young as it should be."""
        now = self._clock()
        overdue_s = self._schedule.overdue_s(self._newest(now), self._since, now)
        if overdue_s is None:
            return None
        why = f": {self._failed}" if self._failed else ""
        return f"no backup for {overdue_s / 3600:.0f} h{why}"

    def _take_one(self, now: datetime, **said: str) -> None:
        file, began = self._folder / name_of(now), time.monotonic()
        taken = self._take(file)
        self._read_again(file)
        self._failed = None
        removed = self._remove_superfluous()
        log.info(
            "backup taken",
            file=file.name,
            size_bytes=taken.size_bytes,
            taken_at=taken.manifest.taken_at.isoformat(),
            seconds=round(time.monotonic() - began, 1),
            removed=removed,
            **said,
        )

    def _read_again(self, file: Path) -> None:
        """A backup that was damaged on its way to the disk must not push an older one out."""
        try:
            Archive(file).verify(lambda _: None)
        except (BackupError, OSError) as problem:
            file.unlink(missing_ok=True)
            raise BackupError(f"The backup was written, but cannot be read again: {problem}") from None

    def _remove_superfluous(self) -> list[str]:
        removed = self._schedule.superfluous(self._names())
        for name in removed:
            (self._folder / name).unlink(missing_ok=True)
        return removed

    def _remove_unfinished(self) -> None:
        """Left by a keeper that was killed: hidden files of gigabytes."""
        for path in self._folder.iterdir():
            if _UNFINISHED.fullmatch(path.name):
                path.unlink(missing_ok=True)
                log.warning("an unfinished backup was removed", file=path.name)

    def _newest(self, now: datetime) -> datetime | None:
        return newest_of(self._names(), now)

    def _names(self) -> list[str]:
        return [path.name for path in self._folder.iterdir() if moment_of(path.name) and path.is_file()]


def _locked(folder: Path) -> int:
    """A descriptor that holds the folder until this process ends."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        usable = os.access(folder, os.W_OK | os.X_OK)
    except OSError as problem:
        raise BackupError(f"{folder} cannot be used: {problem.strerror}. Make that folder, or name another.") from None
    if not usable:
        raise BackupError(f"{folder} cannot be written to. Give it to user id {os.geteuid()}, or name another folder.")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise BackupError(f"Somebody else keeps backups in {folder}. Stop that, or name another folder.") from None
    return descriptor
