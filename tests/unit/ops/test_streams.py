"""Where commands write long results: a file has its name once it is whole, and a reader may leave."""

from __future__ import annotations

import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from ops.cli.errors import CommandError
from ops.cli.records.streams import output, quiet_when_unread, refuse_existing


def test_a_file_is_its_owners_alone_and_has_its_name_once_it_is_whole(tmp_path: Path) -> None:
    wanted = tmp_path / "bookings.csv"
    with output(wanted) as out:
        out.write(b"whole")
        (unfinished,) = tmp_path.iterdir()
        assert stat.S_IMODE(unfinished.stat().st_mode) == 0o600
        assert not wanted.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["bookings.csv"]
    assert stat.S_IMODE(wanted.stat().st_mode) == 0o600
    assert wanted.read_bytes() == b"whole"


def half_write(wanted: Path, problem: BaseException) -> None:
    with output(wanted) as out:
        out.write(b"half")
        raise problem


@pytest.mark.parametrize("problem", [RuntimeError(), KeyboardInterrupt()], ids=["fault", "ctrl-c"])
def test_what_is_half_written_is_gone_and_an_earlier_file_stays(tmp_path: Path, problem: BaseException) -> None:
    wanted = tmp_path / "bookings.csv"
    wanted.write_text("earlier")
    with pytest.raises(type(problem)):
        half_write(wanted, problem)
    assert [path.name for path in tmp_path.iterdir()] == ["bookings.csv"]
    assert wanted.read_text() == "earlier"


def test_a_program_that_is_told_to_stop_tidies_up_first(tmp_path: Path) -> None:
    def stop() -> None:
        with output(tmp_path / "bookings.csv"):
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(SystemExit):
        stop()
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_file_that_exists_is_not_replaced_unless_told(tmp_path: Path) -> None:
    wanted = tmp_path / "bookings.csv"
    refuse_existing(wanted, overwrite=False)
    wanted.touch()
    refuse_existing(wanted, overwrite=True)
    with pytest.raises(CommandError, match="exists"):
        refuse_existing(wanted, overwrite=False)


def test_a_folder_that_is_missing_is_one_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(CommandError, match="cannot be written: No such file or directory"),
        output(tmp_path / "a" / "b"),
    ):
        raise AssertionError("nothing is open")


def test_a_reader_may_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    reads, writes = os.pipe()
    with os.fdopen(writes, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        with quiet_when_unread():
            os.close(reads)
            pipe.write("line")
            pipe.flush()
            raise AssertionError("nobody reads")
