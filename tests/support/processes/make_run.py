"""`python -m ops.cli run` as a person meets it: started, read, signalled, looked at in /proc."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from ops.embedded.environment import ROOT
from ops.embedded.leftovers import end_leftovers
from ops.embedded.postgres import Postgres
from tests.support.wait import wait_until

READY_S = 180.0
"""Generous: beside another test on a busy machine."""
STOP_S = 15.0
"""Of the whole stack; each of its parts is given less."""
SIGNED_OFF = "Ctrl-C stops it"


class Run:
    """One `make run`, without the installation before it."""

    def __init__(
        self,
        data: Path,
        port: int,
        *,
        prefix: tuple[str, ...] = (),
        log: Path,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.data, self.port, self.log = data, port, log
        self.prefix, self.settings = prefix, dict(settings or {})
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Run:
        argv = [*self.prefix, *command("run", "--port", str(self.port), "--data", str(self.data))]
        with self.log.open("wb") as log:
            settings = {**environment(), **self.settings}
            self.process = subprocess.Popen(argv, cwd=ROOT, env=settings, stdout=log, stderr=log)
        return self

    def until_ready(self) -> Run:
        wait_until(lambda: SIGNED_OFF in self.said or not self.alive, f"ready: {self.said}", READY_S)
        assert "is ready after" in self.said, self.said
        return self

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def said(self) -> str:
        return self.log.read_text()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database_url(self) -> str:
        return self.postgres.application_url()

    @property
    def postgres(self) -> Postgres:
        ports = json.loads((self.data / "run" / "ports.json").read_text())
        passwords = [self.data / "secrets" / f"postgres-{whose}password" for whose in ("", "application-")]
        return Postgres(self.data / "postgres", ports["postgres"], *passwords)

    def pids(self) -> dict[str, int]:
        """By name, as the stack itself has noted them."""
        record = json.loads((self.data / "run" / "processes.json").read_text())
        return {one["name"]: one["pid"] for one in record["processes"]}

    def listens(self) -> set[str]:
        """The addresses on which any of its processes listens."""
        assert self.process is not None
        sockets = {link for pid in family(self.process.pid) for link in _sockets(pid)}
        return {address for address, inode in _listening() if inode in sockets}

    def signal(self, which: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(which)

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        self.signal(signal.SIGINT)
        return self.end()

    def end(self) -> int:
        assert self.process is not None
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not stopped within {STOP_S:g} s: {self.said}") from None

    def close(self) -> None:
        """Whatever a failed test left."""
        if self.alive:
            for which in (signal.SIGTERM, signal.SIGINT):  # the second one says that somebody is in a hurry
                self.signal(which)
            with suppress(AssertionError):
                self.end()
        end_leftovers(self.data / "run" / "processes.json")
        if self.process is not None and self.alive:
            self.process.kill()
            self.process.wait(STOP_S)

    def printed(self, first: str, following: str) -> str:
        """What it has printed from one word on to before another."""
        return self.said[self.said.index(first) : self.said.index(following)]

    def paste(self, first: str, following: str) -> str:
        """Run the printed lines as a person would: in a shell, as they stand there."""
        words = ["sh", "-c", self.printed(first, following)]
        pasted = subprocess.run(words, capture_output=True, text=True, timeout=30, check=True)
        return pasted.stdout


def environment() -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOLDFAST_DEMO_WEEK": "0",
    }


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "ops.cli", *words]


def cli(*words: str, prefix: tuple[str, ...] = (), **settings: str) -> subprocess.CompletedProcess[str]:
    """One that ends by itself."""
    return subprocess.run(
        [*prefix, *command(*words)],
        cwd=ROOT,
        env={**environment(), **settings},
        capture_output=True,
        text=True,
        timeout=READY_S,
        check=False,
    )


def still_running(pids: dict[str, int]) -> set[str]:
    """Whose sessions still have a living process."""
    return {name for name, pid in pids.items() if _session(pid)}


def _session(pid: int) -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == pid and fields[0] not in "ZX":
                found.add(int(entry.name))
    return found


def family(pid: int) -> set[int]:
    """A process and its descendants."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found = {pid}
    while new := {child for child, parent in parents.items() if parent in found} - found:
        found |= new
    return found


def _sockets(pid: int) -> Iterator[str]:
    """The inodes of its sockets."""
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                yield str(link.readlink()).removeprefix("socket:[").removesuffix("]")


def _listening() -> Iterator[tuple[str, str]]:
    """Address and inode of each listening socket of this machine."""
    for table, family_ in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == LISTENING:
                words = bytes.fromhex(local.partition(":")[0])
                address = b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
                yield socket.inet_ntop(family_, address), rest[5]


LISTENING = "0A"
