"""Writes the lock files: `make lock`. Needs uv, which comes with requirements-dev.lock.

The locks hold for every supported Python (markers), with the hashes of all files, and name
neither an index nor a path: each installation decides where its packages come from.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEADER = "# Written by `make lock` from pyproject.toml: do not edit.\n"
LOCKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("requirements.lock", ()),
    ("requirements-embedded.lock", ("embedded",)),
    ("requirements-dev.lock", ("embedded", "dev")),
)
TOOLS: tuple[tuple[str, str], ...] = (
    ("requirements-audit.lock", "audit"),
    ("requirements-clients.lock", "clients"),
    ("requirements-build.lock", "build"),
)
"""Of tools that never share an environment with Holdfast: by dependency group."""
FROM_SOURCE = ("requirements-fast.lock", "fast")
"""Of what is built here, if there is a compiler."""
OPTIONS = (
    "--universal",
    "--python-version",
    "3.11",
    "--generate-hashes",
    "--no-header",
    "--no-annotate",
    "--quiet",
)
ONLY_BINARY = ("--only-binary", ":all:")


def main(extra_options: list[str]) -> None:
    """Keeps the versions that are locked already; `--upgrade` takes the newest."""
    before: tuple[str, ...] = ()
    for name, extras in LOCKS:
        wanted = tuple(word for extra in extras for word in ("--extra", extra))
        _write(name, (*ONLY_BINARY, *extra_options, *wanted, *before, "pyproject.toml"))
        before = (*before, "-c", name)  # one version of a package in all three
    for name, group in TOOLS:
        _write(name, (*ONLY_BINARY, *extra_options, "--group", group))
    name, group = FROM_SOURCE
    _write(name, ("--no-binary", ":all:", *extra_options, "--group", group))


def _write(name: str, options: tuple[str, ...]) -> None:
    command = ("uv", "pip", "compile", *OPTIONS, *options, "-o", name)
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    path = ROOT / name
    path.write_text(HEADER + path.read_text().removeprefix(HEADER))
    print(f"{name}: {sum('==' in line for line in path.read_text().splitlines())} packages")


if __name__ == "__main__":
    main(sys.argv[1:])
