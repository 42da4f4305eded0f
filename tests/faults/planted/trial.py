"""A trial: a copy of the tree with one bug planted, and a run of faults over it that must find the bug."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from tests.faults.planted.bugs import BUGS, PlantedBug
from tests.support.tree_copy import copy_tree

ENDS_WITHIN_S = 600.0
CONTROL = sorted({fault for bug in BUGS for fault in bug.faults})
"""What strikes the code without a bug: all that the bugs are found by."""
CONTROL_LOAD_S = 20.0


class Verdict(msgspec.Struct, frozen=True):
    problems: list[str]
    struck: list[str]
    said: str

    def finds(self, bug: PlantedBug) -> bool:
        """By the check that it names, in a run in which the faults that it names have struck."""
        return bool(self.found_by_its_check(bug)) and not Counter(bug.faults) - Counter(self.struck)

    def found_by_its_check(self, bug: PlantedBug) -> list[str]:
        return [one for one in self.problems if one.startswith(bug.found_by) and bug.words in one]


def faults_of(bugs: Sequence[PlantedBug]) -> list[str]:
    """Each as often as the bug that needs it most."""
    most: Counter[str] = Counter()
    for bug in bugs:
        most |= Counter(bug.faults)
    return sorted(most.elements()) or list(CONTROL)


def run_with(bugs: Sequence[PlantedBug], folder: Path, cluster: Path | None, seed: int) -> Verdict:
    """In processes of the copy. Several bugs together if each is found by a check of its own; none: a control."""
    tree, result = copy_tree(folder / "tree"), folder / "result.json"
    for bug in bugs:
        bug.plant(tree)
    load_s = max((bug.load_s for bug in bugs), default=CONTROL_LOAD_S)
    options = ["--short", "--once", "--seed", str(seed), "--duration", str(load_s), "--result", str(result)]
    options += [word for fault in faults_of(bugs) for word in ("--only", fault)]
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
    if not result.exists():
        return Verdict(["the run ended without a verdict"], [], done.stdout)
    found: dict[str, Any] = msgspec.json.decode(result.read_bytes())
    return Verdict(found["problems"], found["struck"], done.stdout)
