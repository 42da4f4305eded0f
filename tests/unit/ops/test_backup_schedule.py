"""When backups are due, which of them stay, and what a health check says of them."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from core.settings import SettingsError, from_environment
from ops.backup.archive import BackupError, Body, Manifest
from ops.backup.backup import Taken
from ops.backup.keeper import RETRY_AFTER, Keeper
from ops.backup.schedule import Schedule, moment_of, name_of, newest_of
from ops.bounds import UNSET

DAILY = Schedule(timedelta(hours=24), time(3), 3)
NOON = datetime(2030, 1, 10, 12, tzinfo=UTC)
MANIFEST = Manifest("1", "0001", NOON, "epoch", 1, False, 18, "18.6", 1, {})


def on(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2030, 1, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("every_h", "at", "now", "last", "following"),
    [
        (24, time(3), on(10, 12), on(10, 3), on(11, 3)),
        (24, time(3), on(10, 3), on(10, 3), on(11, 3)),
        (24, time(3), on(10, 2, 59), on(9, 3), on(10, 3)),
        (6, time(3), on(10, 12), on(10, 9), on(10, 15)),
        (1, time(0, 30), on(10, 12), on(10, 11, 30), on(10, 12, 30)),
    ],
)
def test_moments_are_whole_intervals_from_a_time_of_day(
    every_h: int, at: time, now: datetime, last: datetime, following: datetime
) -> None:
    schedule = Schedule(timedelta(hours=every_h), at, 3)
    assert (schedule.last_due(now), schedule.next_due(now)) == (last, following)


def test_the_first_is_due_at_once_and_a_missed_one_as_soon_as_somebody_is_there() -> None:
    assert DAILY.is_due(None, NOON)
    assert DAILY.is_due(on(8, 3), NOON)
    assert not DAILY.is_due(on(10, 3), NOON)
    assert not DAILY.is_due(on(10, 3), on(11, 2, 59))
    assert DAILY.is_due(on(10, 3), on(11, 3))


def test_names_tell_when_and_nothing_else_counts() -> None:
    name = name_of(NOON)
    assert name == "holdfast-20300110T120000Z.backup"
    assert moment_of(name) == NOON
    others = ["holdfast.backup", f".{name}.17.unfinished", f"{name}.gpg", "holdfast-20300199T120000Z.backup"]
    assert [moment_of(one) for one in others] == [None] * 4
    assert newest_of([name_of(on(9, 3)), name, *others], NOON) == NOON
    assert newest_of([name_of(on(11, 3))], NOON) is None, "from before the clock was set back"


def test_the_newest_stay_and_what_is_not_ours_is_left_alone() -> None:
    names = [name_of(on(day, 3)) for day in (7, 10, 8, 9, 6)]
    assert DAILY.superfluous([*names, "notes.txt", "monday.backup"]) == [name_of(on(7, 3)), name_of(on(6, 3))]
    assert DAILY.superfluous(names[:3]) == []


def test_a_backup_is_overdue_after_a_quarter_of_its_interval() -> None:
    assert DAILY.overdue_s(on(10, 3), on(1, 0), on(11, 8, 59)) is None
    assert DAILY.overdue_s(on(10, 3), on(1, 0), on(11, 9, 1)) == pytest.approx(30 * 3600 + 60)
    assert DAILY.overdue_s(None, on(10, 3), on(11, 8, 59)) is None, "the first of a large database takes its time"
    assert DAILY.overdue_s(None, on(10, 3), on(11, 9, 1)) is not None
    hourly = Schedule(timedelta(hours=1), time(0), 3)
    assert hourly.overdue_s(on(10, 3), on(1, 0), on(10, 4, 14)) is None


class Shelf:
    """A keeper of a folder, with a clock that a test sets, and backups that are small."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = NOON
        self.fails: str | None = None
        self.damages = False
        self.keeper = Keeper(folder, DAILY, self._take, lambda: self.now)

    def _take(self, file: Path) -> Taken:
        if self.fails:
            raise BackupError(self.fails)
        with file.open("wb") as opened:
            body = Body(opened, MANIFEST, lambda _: None)
            if not self.damages:
                body.finish()
        return Taken(MANIFEST, file.stat().st_size)

    def look(self, *moments: datetime) -> list[str]:
        """What lies in the folder after the keeper looked at these moments."""
        for self.now in moments:
            self.keeper.look()
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_each_is_taken_once_and_the_oldest_goes(shelf: Shelf) -> None:
    (shelf.folder / "notes.txt").write_text("mine")
    moments = [NOON, on(10, 13), on(11, 3), on(11, 3, 1), on(12, 3), on(13, 3, 5)]
    kept = [name_of(one) for one in (on(11, 3), on(12, 3), on(13, 3, 5))]
    assert shelf.look(*moments) == [*kept, "notes.txt"]
    assert shelf.keeper.problem() is None


def test_a_failure_is_tried_again_later_and_takes_nothing_away(shelf: Shelf) -> None:
    first = shelf.look(NOON)
    shelf.fails = "PostgreSQL cannot be read"
    assert shelf.look(on(11, 3)) == first
    shelf.fails = None
    assert shelf.look(on(11, 3) + RETRY_AFTER / 2) == first, "not at once: whatever is wrong may last"
    assert len(shelf.look(on(11, 3) + RETRY_AFTER)) == 2


def test_a_health_check_says_for_how_long_there_is_none_and_why(shelf: Shelf) -> None:
    shelf.look(NOON)
    shelf.fails = "there is no pg_dump"
    shelf.look(on(11, 3), on(12, 3))
    assert shelf.keeper.problem() == "no backup for 39 h: there is no pg_dump"
    shelf.fails = None
    shelf.look(on(12, 4))
    assert shelf.keeper.problem() is None


def test_one_is_taken_whenever_somebody_elses_clock_says_so(shelf: Shelf) -> None:
    for shelf.now in (NOON, on(10, 13), on(10, 14), on(10, 15)):
        shelf.keeper.take_now()
    kept = [name_of(on(10, hour)) for hour in (13, 14, 15)]
    assert sorted(path.name for path in shelf.folder.iterdir()) == kept
    shelf.fails, shelf.now = "there is no pg_dump", on(10, 16)
    with pytest.raises(BackupError, match="there is no pg_dump"):
        shelf.keeper.take_now()
    assert sorted(path.name for path in shelf.folder.iterdir()) == kept


def test_what_cannot_be_read_again_is_no_backup_and_pushes_none_out(shelf: Shelf) -> None:
    kept = shelf.look(NOON, on(11, 3), on(12, 3))
    shelf.damages = True
    assert shelf.look(on(13, 3)) == kept
    assert "cannot be read again" in str(shelf.keeper._failed)


def test_what_a_killed_one_left_unfinished_is_removed(tmp_path: Path) -> None:
    (tmp_path / f".{name_of(NOON)}.17.unfinished").write_text("half")
    (tmp_path / ".other.unfinished").write_text("mine")
    Shelf(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".other.unfinished"]


def test_a_folder_has_one_keeper_and_must_be_there(shelf: Shelf) -> None:
    with pytest.raises(BackupError, match=f"^Somebody else keeps backups in {shelf.folder}"):
        Shelf(shelf.folder)
    with pytest.raises(BackupError, match="cannot be used: No such file or directory"):
        Shelf(shelf.folder / "none")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOLDFAST_BACKUP_AT", "3:00"),
        ("HOLDFAST_BACKUP_AT", "24:00"),
        ("HOLDFAST_BACKUP_AT", "03:00:00"),
        ("HOLDFAST_BACKUP_AT", "\u0660\u0663:\u0660\u0660"),
        ("HOLDFAST_BACKUP_EVERY_HOURS", "0"),
        ("HOLDFAST_BACKUPS_KEPT", "0"),
    ],
)
def test_a_schedule_that_nobody_can_keep_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} cannot be used"):
        from_environment({**UNSET, name: value})
