"""`python -m tests.mutants`: a sample of mutants of core/domain, judged by unit and property tests; ends with 1 if too many live.

Cosmic Ray makes them, in a copy of the tree. A mutant that is killed ends the tests at their first failure; one that
lives runs all of them.
"""

from __future__ import annotations

import argparse
import random
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from ops.embedded.environment import ROOT
from tests.mutants.equivalent import OPERATORS, is_equivalent
from tests.support.tree_copy import copy_tree

TOOL = ROOT / ".tools/mutants/bin/cosmic-ray"
KILLED_SHARE_MIN = 0.95
TIMEOUT_S = 400
TESTS = ("tests/unit/domain", "tests/unit/payments", "tests/property")
CONFIGURATION = """
[cosmic-ray]
module-path = "core/domain"
timeout = {timeout_s}
excluded-modules = []
test-command = "{python} -m pytest -q -x -p no:cacheprovider {tests}"

[cosmic-ray.distributor]
name = "local"
"""


class Mutant(Struct, frozen=True):
    job: str
    file: str
    row: int
    operator: str

    def line(self, tree: Path) -> str:
        return (tree / self.file).read_text().splitlines()[self.row - 1].strip()


def main() -> int:
    options = _options()
    seed = secrets.randbits(32) if options.seed is None else options.seed
    print(f"Again: make mutants MUTANTS_OPTIONS='--sample {options.sample} --seed {seed}'", flush=True)
    with TemporaryDirectory(prefix="holdfast-mutants-") as name:
        folder = Path(name)
        tree = copy_tree(folder / "tree")
        configuration, session = folder / "cosmic-ray.toml", folder / "session.sqlite"
        told = {"timeout_s": TIMEOUT_S, "python": sys.executable, "tests": " ".join(TESTS)}
        configuration.write_text(CONFIGURATION.format(**told))
        _run(tree, "init", configuration, session)
        chosen = _sample(session, tree, options.sample, random.Random(seed))  # noqa: S311 - no secret
        _run(tree, "exec", configuration, session)
        return _report(session, tree, chosen)


def _run(tree: Path, word: str, configuration: Path, session: Path) -> None:
    environment = {"PYTHONPATH": str(tree), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([TOOL, word, configuration, session], cwd=tree, env=environment, check=True)


def _sample(session: Path, tree: Path, size: int, chance: random.Random) -> list[Mutant]:
    """Leave only these in the session."""
    with sqlite3.connect(session) as connection:
        rows = connection.execute("SELECT job_id, module_path, start_pos_row, operator_name FROM mutation_specs")
        found = [Mutant(*row) for row in rows.fetchall()]
        wanted = [
            one
            for one in found
            if OPERATORS.fullmatch(one.operator) and not is_equivalent(one.operator, one.line(tree))
        ]
        print(f"{len(found)} mutants, {len(wanted)} of them asked for and not equivalent", flush=True)
        ordered = sorted(wanted, key=lambda one: (one.file, one.row, one.operator, one.job))
        chosen = ordered if size == 0 else chance.sample(ordered, min(size, len(ordered)))
        keep = {one.job for one in chosen}
        others = [(one.job,) for one in found if one.job not in keep]
        connection.executemany("DELETE FROM mutation_specs WHERE job_id = ?", others)
        connection.executemany("DELETE FROM work_items WHERE job_id = ?", others)
    return chosen


def _report(session: Path, tree: Path, chosen: Sequence[Mutant]) -> int:
    with sqlite3.connect(session) as connection:
        rows = connection.execute("SELECT job_id, test_outcome, diff FROM work_results").fetchall()
    lived = {job: diff for job, outcome, diff in rows if str(outcome).lower().endswith("survived")}
    for one in chosen:
        if one.job in lived:
            print(f"LIVES: {one.file}:{one.row} {one.operator}: {one.line(tree)}\n{lived[one.job]}", flush=True)
    share = 1 - len(lived) / max(1, len(rows))
    print(f"{len(rows) - len(lived)} of {len(rows)} mutants were killed ({share:.0%}, at least {KILLED_SHARE_MIN:.0%})")
    return 0 if rows and share >= KILLED_SHARE_MIN else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description="Mutants of the rules, judged by fast tests.")
    parser.add_argument("--sample", type=int, default=30, help="how many, chosen by the seed (default 30); 0: all")
    parser.add_argument("--seed", type=int, help="choose the same ones again (default: a random one, printed)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
