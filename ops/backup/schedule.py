"""When a backup is due, the name of its file, and which files are kept. Pure: it reads no clock and no disk."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from msgspec import Struct

SHORTEST_GRACE = timedelta(minutes=15)
"""How late a backup may be without being missed, beside a quarter of the interval: a large one takes its time."""
_NAME = re.compile(r"holdfast-(\d{8}T\d{6}Z)\.backup")
_TIME = "%Y%m%dT%H%M%SZ"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def name_of(moment: datetime) -> str:
    """In the order of time when sorted by name."""
    return f"holdfast-{moment.astimezone(UTC):{_TIME}}.backup"


def moment_of(name: str) -> datetime | None:
    """None for any other file."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        return datetime.strptime(found[1], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def newest_of(names: Iterable[str], now: datetime) -> datetime | None:
    """When the last backup was taken. One of the future, from before a clock was set back, does not count."""
    moments = (moment_of(name) for name in names)
    return max((one for one in moments if one is not None and one <= now), default=None)


class Schedule(Struct, frozen=True):
    every: timedelta
    at: time
    """A time of day in UTC that is one of the moments; the others are whole intervals away from it."""
    kept: int
    """The number of newest files that stay."""

    def last_due(self, now: datetime) -> datetime:
        first = datetime.combine(_EPOCH, self.at, UTC)
        return first + (now - first) // self.every * self.every

    def next_due(self, now: datetime) -> datetime:
        return self.last_due(now) + self.every

    def is_due(self, newest: datetime | None, now: datetime) -> bool:
        """Also when one was missed because no keeper ran. The first is due at once."""
        return newest is None or newest < self.last_due(now)

    def overdue_s(self, newest: datetime | None, since: datetime, now: datetime) -> float | None:
        """The age of the newest backup if it is too old; without any, the time since the keeper began."""
        age = now - (newest or since)
        allowed = self.every + max(SHORTEST_GRACE, self.every / 4)
        return age.total_seconds() if age > allowed else None

    def superfluous(self, names: Iterable[str]) -> list[str]:
        """All backups but the newest ones; other files stay."""
        ours = sorted((name for name in names if moment_of(name) is not None), reverse=True)
        return ours[self.kept :]
