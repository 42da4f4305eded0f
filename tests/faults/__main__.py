"""`python -m tests.faults`: faults by a seed's schedule while client processes work, then the verdict; ends with 1 if anything is off."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from tests.faults.history.operations import operations
from tests.faults.recovery import rows, table
from tests.faults.run import Plan, Told, play
from tests.faults.schedule import FAULTS
from tests.faults.stage import SHORT, WHOLE, stage
from tests.faults.strikes.fault import Fault
from tests.faults.strikes.processes import faketime

DURATION_S = 300.0


def main() -> int:
    options = _options()
    first = secrets.randbits(32) if options.seed is None else options.seed
    duration_s = options.duration or float(os.environ.get("DURATION_S") or DURATION_S)
    runs = options.runs or int(os.environ.get("RUNS") or 1)
    again = f"make faults DURATION_S={duration_s:g}{f' RUNS={runs}' if runs > 1 else ''}"
    print(f"Again: {again} FAULTS_OPTIONS='--seed {first}'", flush=True)
    told = []
    with TemporaryDirectory(prefix="holdfast-faults-") as name:
        for seed in range(first, first + runs):
            folder = Path(options.folder or name) / (f"run-{seed}" if runs > 1 else "")
            told.append(_one_run(options, seed, duration_s, folder))
    ended = [one for one in told if one is not None]
    if runs > 1:
        print(
            f"\n{len(ended)} of {runs} runs came to their end, {sum(not one.problems for one in ended)} without a violation"
        )
        _summary(ended)
    return 0 if len(ended) == runs and not any(one.problems for one in ended) else 1


def _one_run(options: argparse.Namespace, seed: int, duration_s: float, folder: Path) -> Told | None:
    """None if it did not come to its end; what it found is said and written down."""
    faults = [FAULTS[name] for name in options.only] if options.only else list(FAULTS.values())
    began = time.monotonic()
    print(f"seed {seed}", flush=True)
    cluster = Path(options.cluster) if options.cluster else None
    wants_mount = any(one.needs_mount for one in faults)
    with stage(folder / "stage", copy_of=cluster, statements=options.sql, mounted=wants_mount) as made:
        chosen = _possible(faults, has_mount=made.mount is not None)
        plan = Plan(seed, duration_s, chosen, SHORT if options.short else WHOLE, once=options.once)
        try:
            told = play(made, plan, lambda words: print(f"{time.monotonic() - began:6.1f} s  {words}", flush=True))
        except (AssertionError, TimeoutError) as problem:
            print(f"{problem}\n{made.stack.logs()}", flush=True)
            _write(options.result, [f"the run did not come to its end: {str(problem).splitlines()[0]}"], [])
            return None
        if told.problems:
            print(made.stack.logs(6), flush=True)
    _report(told, options.result)
    return told


def _possible(faults: list[Fault], *, has_mount: bool) -> list[Fault]:
    """What cannot be done here is said aloud."""
    has_library = faketime() is not None
    for one in faults:
        if one.needs_mount and not has_mount:
            print(f"NOT RUN: {one.name}: mounting a small file system needs root", flush=True)
        if one.needs_faketime and not has_library:
            print(f"NOT RUN: {one.name}: apt-get update && apt-get install --yes libfaketime", flush=True)
    return [one for one in faults if (has_mount or not one.needs_mount) and (has_library or not one.needs_faketime)]


def _report(told: Told, result: str | None) -> None:
    _summary([told])
    for finding in told.findings:
        print(finding)
    for problem in told.problems:
        print(f"OFF: {problem}")
    sys.stdout.flush()
    _write(result, told.problems, [one.name for one in told.struck])


def _summary(told: list[Told]) -> None:
    """Of one run or of several, for docs/reliability.md."""
    by_run = [operations(one.history) for one in told]
    done = [one for each in by_run for one in each]
    history = [one for each in told for one in each.history]
    struck = [one for each in told for one in each.struck]
    print(f"\n{len(done)} operations in {len(history)} requests, {len(struck)} faults\n")
    print(table(rows(struck, done, history)), end="\n\n", flush=True)


def _write(result: str | None, problems: list[str], struck: list[str]) -> None:
    if result:
        Path(result).write_bytes(msgspec.json.encode({"problems": problems, "struck": struck}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description="Faults strike while client processes work.")
    parser.add_argument("--seed", type=int, help="the same schedule again (default: a random one, printed)")
    parser.add_argument("--duration", type=float, help=f"seconds of faults (DURATION_S=, default {DURATION_S:g})")
    parser.add_argument("--runs", type=int, help="one after another, each with the next seed (RUNS=, default 1)")
    parser.add_argument("--only", action="append", choices=list(FAULTS), metavar="FAULT",
                        help=f"this fault, and those of further --only: {'; '.join(FAULTS)}")  # fmt: skip
    parser.add_argument("--once", action="store_true", help="each fault once, however long that takes")
    parser.add_argument("--short", action="store_true", help="fewer clients")
    parser.add_argument("--sql", action="append", default=[], help="done to the database before anybody connects")
    parser.add_argument("--cluster", help="a folder with a prepared PostgreSQL, to be copied")
    parser.add_argument("--folder", help="where to leave logs and histories")
    parser.add_argument("--result", help="a file for the verdict, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
