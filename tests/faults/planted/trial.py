"""A trial: a copy of the tree with one bug planted, and a run of faults over it that must find the bug."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from tests.faults.planted.bugs import PlantedBug
from tests.support.tree_copy import copy_tree

ENDS_WITHIN_S = 600.0


class Verdict(msgspec.Struct, frozen=True):
    problems: list[str]
    struck: list[str]
    said: str

    def finds(self, bug: PlantedBug) -> bool:
        return any(one.startswith(bug.found_by) for one in self.problems) and set(bug.faults) <= set(self.struck)


def run_with(bugs: Sequence[PlantedBug], folder: Path, cluster: Path | None, seed: int) -> Verdict:
    """In processes of the copy. Several bugs together if each is found by a check of its own."""
    tree, result = copy_tree(folder / "tree"), folder / "result.json"
    for bug in bugs:
        bug.plant(tree)
    load_s = max(bug.load_s for bug in bugs)
    options = ["--short", "--once", "--seed", str(seed), "--duration", str(load_s), "--result", str(result)]
    options += [word for bug in bugs for fault in bug.faults for word in ("--only", fault)]
    options += [word for bug in bugs for statement in bug.sql for word in ("--sql", statement)]
    options += ["--cluster", str(cluster)] if cluster else []
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", *options],
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=ENDS_WITHIN_S,
    )
    found: dict[str, Any] = msgspec.json.decode(result.read_bytes()) if result.exists() else {}
    return Verdict(found.get("problems", []), found.get("struck", []), done.stdout)
