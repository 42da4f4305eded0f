"""A backup's file is read back as it was written, and a damaged one is refused before anything is done with it."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest

from ops.backup.archive import MAGIC, Archive, BackupError, Body, Manifest, new_file
from ops.backup.client_programs import address, find_programs

MANIFEST = Manifest(
    "0.1.0", "0038", datetime(2027, 3, 1, tzinfo=UTC), "abc", 7, True, 18, "18.1", 1_000, {"booking": 3}
)
DUMP = bytes(range(256)) * 20_000
URL = "postgresql://somebody:s3cret@db/holdfast"


def written(folder: Path) -> Path:
    path = folder / "holdfast.backup"
    with new_file(str(path)) as file:
        body = Body(file, MANIFEST, lambda _: None)
        body.copy(BytesIO(DUMP))
        body.finish()
    return path


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    archive = Archive(written(tmp_path))
    archive.verify(lambda _: None)
    assert (archive.manifest, archive.dump_bytes) == (MANIFEST, len(DUMP))


@pytest.mark.parametrize("at", [len(MAGIC) + 20, 3_000, -20], ids=["manifest", "dump", "checksum"])
def test_a_changed_byte_is_noticed(tmp_path: Path, at: int) -> None:
    path = written(tmp_path)
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(BackupError, match="damaged"):
        Archive(path).verify(lambda _: None)


@pytest.mark.parametrize("left", [200, 5_000_000], ids=["early", "late"])
def test_a_file_that_was_cut_off_is_noticed(tmp_path: Path, left: int) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(BackupError, match=r"not whole|damaged"):
        Archive(path).verify(lambda _: None)


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"", "no backup"), (b"root:x:0:0", "no backup"), (b"holdfast-backup 2\n{}", "newer release")],
    ids=["empty", "another", "newer"],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(BackupError, match=says):
        Archive(path)


def test_programs_that_are_too_old_are_named_with_the_remedy(tmp_path: Path) -> None:
    program = tmp_path / "pg_dump"
    program.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 15.18 (Debian)'\n")
    program.chmod(0o755)
    with pytest.raises(BackupError, match=r"has version 15.18\)\. Install postgresql-client-18, .* --pg-bin"):
        find_programs(URL, 18, tmp_path)


def test_a_password_is_on_no_command_line() -> None:
    where = address(URL, "holdfast backup")
    assert "s3cret" not in where.conninfo
    assert where.environment["PGPASSWORD"] == "s3cret"
