"""One data folder: its marker, its lock, its secrets and its inner ports."""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ops.ports import free_ports
from ops.processes import APPLICATION, metrics_of

MARKER = "holdfast-data"
MARKER_TEXT = "Holdfast's data folder; `make reset` removes it.\n"
NO_DEMO = "no-demo"
NO_DEMO_TEXT = "This is no demo: every start on this folder is one with HOLDFAST_DEMO=0.\n"
SECRET_BYTES_USUAL = 32
SECRET_BYTES = {"flower-password": 12}
"""A person types this one."""
INNER_PORTS = (
    "postgres",
    "valkey",
    "api",
    "notifier",
    "flower",
    "stripe",
    *(metrics_of(instance) for process in APPLICATION if process.has_metrics for instance in process.instances()),
)


class DataFolderError(Exception):
    """The data folder cannot be used; the message is for the person at the terminal."""


@dataclass(slots=True)
class DataFolder:
    folder: Path
    """Absolute."""
    _lock: IO[str] | None = field(default=None, init=False)
    _made: list[Path] = field(default_factory=list, init=False)
    """Folders that `prepare` made, innermost first: this one, and those above it that were missing."""

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def temporary(self) -> Path:
        """For the temporary files of everything that is started: what is killed cannot remove its own."""
        return self.run / "tmp"

    @property
    def record(self) -> Path:
        """Which processes were started, for the next start to end what a crash left behind."""
        return self.run / "processes.json"

    @property
    def is_demo(self) -> bool:
        """Whether a start on it is the demo's, unless the settings say otherwise."""
        return not (self.folder / NO_DEMO).exists()

    def end_demo(self) -> None:
        """From now on each start is one outside the demo."""
        (self.folder / NO_DEMO).write_text(NO_DEMO_TEXT)

    def prepare(self) -> None:
        """Create the folder, or recognise it as ours. Raises `DataFolderError`."""
        try:
            if not (self.folder / MARKER).exists():
                if self.folder.exists() and any(self.folder.iterdir()):
                    raise DataFolderError(f"{self.folder} holds other things. Choose another folder with DATA=.")
                self._made = [one for one in (self.folder, *self.folder.parents) if not one.exists()]
                self.folder.mkdir(parents=True, exist_ok=True)
                (self.folder / MARKER).write_text(MARKER_TEXT)
            for part in (self.run, self.logs, self.folder / "secrets"):
                part.mkdir(mode=0o700, exist_ok=True)
        except OSError as problem:
            raise self._unwritable(problem) from None

    def forget(self) -> None:
        """Remove what `prepare` made, after a start that was refused before anything was kept here."""
        if self.folder in self._made:
            shutil.rmtree(self.folder, ignore_errors=True)
            with suppress(OSError):  # somebody else has put something there meanwhile
                for one in self._made[1:]:
                    one.rmdir()

    def _unwritable(self, problem: OSError) -> DataFolderError:
        return DataFolderError(
            f"The data folder {self.folder} cannot be used: {problem.strerror}. Choose another one with DATA=."
        )

    def lock(self, note: str) -> None:
        """One stack a folder. The next one that tries prints `note`. Raises `DataFolderError`."""
        try:
            file = (self.run / "lock").open("a+")
        except OSError as problem:
            raise self._unwritable(problem) from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "it is just starting"
            file.close()
            raise DataFolderError(
                f"Holdfast already runs on {self.folder} ({holder}). "
                "Stop it there with Ctrl-C, or start a second one with PORT= and DATA=."
            ) from None
        file.truncate(0)
        file.write(note)
        file.flush()
        self._lock = file

    @property
    def front_door_port(self) -> int | None:
        """Of the stack that holds the lock, as its note says."""
        with suppress(OSError):
            if found := re.search(r":(\d+)\Z", (self.run / "lock").read_text().strip()):
                return int(found[1])
        return None

    def unlock(self) -> None:
        if self._lock is not None:
            self._lock.truncate(0)
            self._lock.close()
            self._lock = None

    def secret_file(self, name: str) -> Path:
        """A random secret of this installation, made at first use, readable by its owner only."""
        path = self.folder / "secrets" / name
        if not path.exists():
            fresh = path.with_name(f"{name}.new")
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(SECRET_BYTES.get(name, SECRET_BYTES_USUAL)))
            fresh.rename(path)  # whole or not at all
        return path

    def secret(self, name: str) -> str:
        return self.secret_file(name).read_text().strip()

    def empty_temporary(self) -> None:
        """Once nothing runs any more that was started before."""
        shutil.rmtree(self.temporary, ignore_errors=True)
        self.temporary.mkdir(mode=0o700, exist_ok=True)

    def ports(self) -> dict[str, int]:
        """Free ports for the inner parts; last time's, where they are still free."""
        path = self.run / "ports.json"
        before: dict[str, int] = {}
        with suppress(OSError, ValueError):
            before = json.loads(path.read_text())
        chosen = free_ports(len(INNER_PORTS), tuple(before.get(name, 0) for name in INNER_PORTS if name in before))
        ports = dict(zip(INNER_PORTS, chosen, strict=True))
        path.write_text(json.dumps(ports))
        self._write_targets(ports)
        return ports

    @property
    def metrics_targets(self) -> Path:
        """Where the metrics are served, for Prometheus' `file_sd_configs`."""
        return self.run / "prometheus-targets.json"

    def _write_targets(self, ports: dict[str, int]) -> None:
        targets = [
            {"targets": [f"127.0.0.1:{ports[metrics_of(instance)]}"], "labels": {"process": process.name}}
            for process in APPLICATION
            if process.has_metrics
            for instance in process.instances()
        ]
        self.metrics_targets.write_text(json.dumps(targets, indent=1))

    def remove(self) -> None:
        """Remove the folder and all that is in it. Raises `DataFolderError` if it is not ours or in use."""
        if not self.folder.exists():
            return
        if not (self.folder / MARKER).exists():
            raise DataFolderError(f"{self.folder} is not a data folder of Holdfast: nothing was removed.")
        self.prepare()
        self.lock("make reset")
        try:
            for part in self.folder.iterdir():
                if part.name != MARKER:  # last, so that an interrupted removal can be repeated
                    shutil.rmtree(part) if part.is_dir() else part.unlink()
            shutil.rmtree(self.folder)
        except OSError as problem:
            reason = f"{problem.filename}: {problem.strerror}"
            raise DataFolderError(f"{reason}. Run make reset as the user who ran make run.") from None
        finally:
            self.unlock()
