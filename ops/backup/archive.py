"""The file of a backup: a line with the format, the manifest as a line of JSON, PostgreSQL's dump, and a checksum.

It is written front to back, so it can go to standard output. The dump is `pg_dump`'s custom format: with the two lines
before it and the 73 bytes behind it taken away, `pg_restore` reads it without Holdfast (docs/operations.md).
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, BinaryIO

import msgspec
from msgspec import Struct

MAGIC = b"holdfast-backup 1\n"
TRAILER = b"\nsha256 "
TRAILER_BYTES = len(TRAILER) + 64 + 1
"""With the digest in hexadecimal and a newline."""
MANIFEST_BYTES_MAX = 65_536
CHUNK_BYTES = 1_048_576
STANDARD_OUTPUT = "-"

Told = Callable[[int], None]
"""Called with the number of bytes so far."""


class BackupError(Exception):
    """A backup cannot be taken or restored; the message is for the person at the terminal."""


class Manifest(Struct, frozen=True):
    """What a backup says about the snapshot that it holds."""

    holdfast: str
    """The release that took it."""
    schema: str
    """The revision of the last migration."""
    taken_at: datetime
    """By the database's clock."""
    epoch: str
    head: int
    """The feed's position: epoch and number."""
    demo: bool
    """Whether the database holds the demo, whose passwords everybody knows."""
    postgresql: int
    """The server's major version."""
    pg_dump: str
    database_bytes: int
    counts: dict[str, int]
    """Numbers of rows, for the tables that mean something to a person."""


@contextmanager
def new_file(name: str) -> Iterator[BinaryIO]:
    """A file that gets its name once it is complete and on disk, readable by its owner only; `-` is standard output."""
    if name == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.absolute().parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """So that the new name outlives a power cut, too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Body:
    """A backup while it is written."""

    def __init__(self, file: BinaryIO, manifest: Manifest, told: Told) -> None:
        self._file, self._told = file, told
        self._digest = hashlib.sha256()
        self.size_bytes = 0
        self._put(MAGIC)
        self._put(msgspec.json.encode(manifest) + b"\n")

    def copy(self, dump: IO[bytes]) -> int:
        while chunk := dump.read(CHUNK_BYTES):
            self._put(chunk)
            self._told(self.size_bytes)
        return self.size_bytes

    def finish(self) -> None:
        """Once the dump is known to be whole: without this the file is no backup."""
        digest = self._digest.hexdigest().encode()
        self._put(TRAILER + digest + b"\n")

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)
        self.size_bytes += len(data)


class Archive:
    """A backup to read. Raises `BackupError` for a file that is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.size_bytes = path.stat().st_size
            with path.open("rb") as file:
                self.manifest = _manifest(path, file)
                self._dump_at = file.tell()
        except OSError as problem:
            raise BackupError(f"{path} cannot be read: {problem.strerror}.") from None
        self.dump_bytes = self.size_bytes - TRAILER_BYTES - self._dump_at

    def verify(self, told: Told) -> None:
        """Read all of it, and compare its checksum. Raises `BackupError`."""
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            left = max(0, self.size_bytes - TRAILER_BYTES)
            while chunk := file.read(min(CHUNK_BYTES, left)):
                digest.update(chunk)
                left -= len(chunk)
                told(file.tell())
            end = file.read()
        if not end.startswith(TRAILER):
            raise BackupError(f"{self.path} is not whole: its end is missing. Take another backup.")
        if end != TRAILER + digest.hexdigest().encode() + b"\n":
            raise BackupError(f"{self.path} is damaged: its checksum does not match. Take another backup.")

    def copy_dump(self, target: IO[bytes], told: Told) -> None:
        """Write the dump to a program's input. One that has read enough may close it early."""
        with self.path.open("rb") as file, suppress(BrokenPipeError):
            file.seek(self._dump_at)
            left = self.dump_bytes
            while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
                target.write(chunk)
                left -= len(chunk)
                told(self.dump_bytes - left)
        with suppress(BrokenPipeError):
            target.close()


def _manifest(path: Path, file: BinaryIO) -> Manifest:
    begins = file.readline(len(MAGIC))
    if begins != MAGIC:
        if begins.startswith(MAGIC.split()[0]):
            raise BackupError(f"{path} was written by a newer release of Holdfast. Restore it with that release.")
        raise BackupError(f"{path} is no backup of Holdfast. Name a file that `holdfast backup` has written.")
    try:
        return msgspec.json.decode(file.readline(MANIFEST_BYTES_MAX), type=Manifest)
    except msgspec.DecodeError:
        raise BackupError(f"{path} is damaged: its manifest cannot be read. Take another backup.") from None
