"""One child process: its own session, its own log, an end that leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

LAUNCH = Path(__file__).with_name("launch.py")
LOG_MAX_BYTES = 20_000_000
LINE_MAX_CHARS = 800
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Program:
    """What to run and how to end it."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 10.0
    fast_signal: signal.Signals = signal.SIGKILL
    """For somebody in a hurry; PostgreSQL would rather have SIGQUIT."""
    death_signal: signal.Signals = signal.SIGKILL
    """When the supervisor has died: no grace, for what a graceful end would talk to is ending too."""


@dataclass(slots=True)
class Child:
    """A started program. Its log is opened for appending, so that it can be cut while in use."""

    program: Program
    process: subprocess.Popen[bytes] = field(init=False)
    started_at: float = field(init=False)

    def __post_init__(self) -> None:
        program = self.program
        program.log.parent.mkdir(parents=True, exist_ok=True)
        launch = (sys.executable, "-I", "-S", str(LAUNCH), str(int(program.death_signal)), str(os.getpid()))
        with program.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*launch, *program.argv],
                cwd=program.directory,
                env=dict(program.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started_at = time.monotonic()

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def pid(self) -> int:
        return self.process.pid

    def exit_code(self) -> int | None:
        """None while it runs. Once it has ended, what it left in its process group is killed."""
        if self.process.returncode is None and self._has_ended():
            # Not reaped yet: the group's number cannot belong to anybody else.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()
        return self.process.returncode

    def _has_ended(self) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def signal(self, which: signal.Signals) -> None:
        """To the process itself; its workers are its own business."""
        if self.exit_code() is None:
            os.kill(self.pid, which)

    def ask_to_stop(self) -> None:
        self.signal(self.program.stop_signal)
        if self.exit_code() is None:
            os.killpg(self.pid, signal.SIGCONT)  # a stopped process would never get the signal, nor let its parent end

    def kill(self) -> None:
        """The process and its group, at once."""
        if self.exit_code() is None:
            os.killpg(self.pid, signal.SIGKILL)

    def wait(self, timeout_s: float) -> bool:
        """Has it ended within the time?"""
        deadline = time.monotonic() + timeout_s
        while self.exit_code() is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
        return True

    def stop(self) -> None:
        """Gracefully; after its stop time the hard way."""
        self.ask_to_stop()
        if not self.wait(self.program.stop_timeout_s):
            self.kill()
            self.wait(10.0)

    def tail(self, lines: int = 20) -> str:
        return tail(self.program.log, lines)


def tail(log: Path, lines: int) -> str:
    """The last lines of a log, at most 64 kB of it."""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 65_536))
        last = file.read().decode(errors="replace").splitlines()[-lines:]
        return "\n".join(line if len(line) <= LINE_MAX_CHARS else f"{line[:LINE_MAX_CHARS]}..." for line in last)
    return ""


def truncate_log(log: Path, most: int = LOG_MAX_BYTES) -> None:
    """Keep at most twice `most` bytes: the present log and the one before. What is written in between is lost."""
    with suppress(OSError):
        if log.stat().st_size <= most:
            return
        log.with_suffix(".log.1").write_bytes(log.read_bytes()[-most:])
        os.truncate(log, 0)
