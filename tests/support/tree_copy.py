"""A copy of the tree, into which a test may plant what it likes."""

from __future__ import annotations

import shutil
from pathlib import Path

from ops.embedded.environment import ROOT

FOLDERS = ("api", "core", "notifier", "ops", "tests", "web", "workers")
FILES = ("pyproject.toml",)
NOT_COPIED = shutil.ignore_patterns("__pycache__", "node_modules", "previous_release.tar.xz")


def copy_tree(to: Path) -> Path:
    """What runs, and its tests."""
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, to / folder, ignore=NOT_COPIED, symlinks=True)
    for file in FILES:
        shutil.copy(ROOT / file, to / file)
    return to
