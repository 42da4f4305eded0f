"""`python -m tests.faults.planted`: each planted bug in turn must be found; ends with 1 if one survives."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
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
        survived = [bug for n, bug in enumerate(chosen) if not _is_found(bug, folder, n, seed)]
    print(f"{len(chosen) - len(survived)} of {len(chosen)} planted bugs were found", flush=True)
    return 1 if survived else 0


def _is_found(bug: PlantedBug, folder: Path, number: int, seed: int) -> bool:
    began = time.monotonic()
    verdict = run_with([bug], folder / str(number), folder / "cluster", seed)
    is_found = verdict.finds(bug)
    word = "found" if is_found else "SURVIVED"
    print(f"{time.monotonic() - began:5.0f} s  {word:<9} {bug.name}: {'; '.join(verdict.problems[:3])}", flush=True)
    if not is_found:
        print(verdict.said[-4000:], flush=True)
    return is_found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make planted-bugs", description="Plant bugs; runs of faults must find them.")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--only", action="append", choices=NAMES, metavar="BUG", help="; ".join(NAMES))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
