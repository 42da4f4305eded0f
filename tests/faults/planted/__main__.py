"""`python -m tests.faults.planted`: each planted bug in turn must be found; ends with 1 if one survives."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conftest import UNSYNCED
from tests.faults.planted.bugs import BUGS, PlantedBug
from tests.faults.planted.trial import run_with
from tests.support.processes.servers import PostgresServer

NAMES = [one.name for one in BUGS]


def main() -> int:
    options = _options()
    seed = secrets.randbits(32) if options.seed is None else options.seed
    print(f"Again: make planted-bugs FAULTS_OPTIONS='--seed {seed}'", flush=True)
    chosen = [one for one in BUGS if not options.only or one.name in options.only]
    with TemporaryDirectory(prefix="holdfast-planted-") as name:
        folder = Path(name)
        PostgresServer(folder / "cluster", UNSYNCED).prepare()
        if options.control and (problems := run_with([], folder / "control", folder / "cluster", seed).problems):
            print(f"WRONG     the code as it is: {'; '.join(problems)}", flush=True)
            return 1
        if options.short:
            chosen = [one for one in BUGS if one.is_in_short]
        if options.short or options.together:
            survived = _not_found(chosen, folder / "together", folder / "cluster", seed)
        else:
            survived = [
                bug
                for n, one in enumerate(chosen)
                for bug in _not_found([one], folder / str(n), folder / "cluster", seed)
            ]
    print(f"{len(chosen) - len(survived)} of {len(chosen)} planted bugs were found", flush=True)
    return 1 if survived else 0


def _not_found(bugs: Sequence[PlantedBug], folder: Path, cluster: Path, seed: int) -> list[PlantedBug]:
    """Those of them that one run with all of them does not find."""
    began = time.monotonic()
    verdict = run_with(bugs, folder, cluster, seed)
    took_s = time.monotonic() - began
    survived = [bug for bug in bugs if not verdict.finds(bug)]
    for bug in bugs:
        word = "SURVIVED" if bug in survived else "found"
        print(f"{took_s:5.0f} s  {word:<9} {bug.name}: {'; '.join(verdict.found_by_its_check(bug))}", flush=True)
    if survived:
        print(verdict.said[-4000:], flush=True)
    return survived


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make planted-bugs", description="Plant bugs; runs of faults must find them.")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--short", action="store_true", help="three of them together, in one run")
    parser.add_argument(
        "--together", action="store_true", help="those of --only in one run: each by a check of its own"
    )
    parser.add_argument("--control", action="store_true", help="first a run of the code as it is, which must be clean")
    parser.add_argument("--only", action="append", choices=NAMES, metavar="BUG", help="; ".join(NAMES))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
