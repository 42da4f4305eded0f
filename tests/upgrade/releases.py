"""A release: a source tree whose real processes can be run, this one's or the previous one's."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from signal import Signals
from typing import Any

import msgspec

from ops.embedded.environment import ROOT
from ops.processes import MIGRATE, Process, Stage

ARCHIVE = Path(__file__).with_name("previous_release.tar.xz")
RUN_MAX_S = 120.0

LIST_PROCESSES = """
import msgspec
from ops.processes import PAYMENTS, PIPELINE
keep = ("name", "what", "argv", "stop_signal", "stop_timeout_s", "port")
print(msgspec.json.encode([{name: getattr(one, name) for name in keep} for one in (*PIPELINE, PAYMENTS)]).decode())
"""
FIND_HEAD = """
from alembic.script import ScriptDirectory
print(ScriptDirectory("core/store/migrations").get_current_head())
"""


@dataclass(frozen=True)
class Release:
    """Its processes run with this very Python: both releases have the same lock files."""

    name: str
    root: Path

    def environment(self) -> dict[str, str]:
        """Environment variables that make Python import this release's code."""
        return {"PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, *arguments: str, settings: Mapping[str, str] | None = None) -> str:
        """Run its Python with these arguments; returns the output. Raises AssertionError, with the output, if it fails."""
        environment = {"PATH": os.environ["PATH"], **self.environment(), **(settings or {})}
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=RUN_MAX_S,
            check=False,
        )
        assert done.returncode == 0, f"the {self.name} release failed:\n{done.stdout}{done.stderr}"
        return done.stdout

    def migrate(self, settings: Mapping[str, str]) -> None:
        self.run(*MIGRATE[1:], settings=settings)

    @cached_property
    def head(self) -> str:
        """The revision to which it migrates."""
        return self.run("-c", FIND_HEAD).strip()

    @cached_property
    def processes(self) -> Mapping[str, Process]:
        """Those that a booking and its payment need, by name."""
        found = msgspec.json.decode(self.run("-c", LIST_PROCESSES))
        return {one["name"]: _process(one) for one in found}


NEW = Release("new", ROOT)


def previous(folder: Path) -> Release:
    """The previous release, unpacked below `folder`."""
    root = folder / "previous_release"
    if not root.exists():
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(root, filter="data")
    return Release("old", root)


def _process(told: dict[str, Any]) -> Process:
    told |= {"argv": tuple(told["argv"]), "stop_signal": Signals(told["stop_signal"])}
    return Process(stage=Stage.PIPELINE, **told)
