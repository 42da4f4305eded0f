"""`python -m tests.mutants`: mutants of core/domain, judged by unit and property tests; ends with 1 if too many live."""

from __future__ import annotations

import argparse
import random
import secrets
import sys
from hashlib import sha256
from pathlib import Path

from ops.embedded.environment import ROOT
from tests.mutants.equivalent import EQUIVALENT
from tests.mutants.judge import lives, unmutated_passes
from tests.mutants.mutator import Mutant, mutants_of

RULES = ROOT / "core/domain"
KILLED = ROOT / ".tools/mutants-killed.txt"
"""Those that died, so that a run that was stopped goes on. Those that lived are judged again."""
KILLED_SHARE_MIN = 0.95


def main() -> int:
    options = _options()
    seed = secrets.randbits(32) if options.seed is None else options.seed
    wanted = _mutants(options.only)
    print(f"{len(wanted)} mutants that are not equivalent", flush=True)
    if options.sample:
        print(f"Again: make mutants MUTANTS_OPTIONS='--sample {options.sample} --seed {seed}'", flush=True)
        chance = random.Random(seed)  # noqa: S311 - no secret
        wanted = chance.sample(wanted, min(options.sample, len(wanted)))
    if not wanted or not unmutated_passes():
        print("mutants: the rules as they are must pass their tests first: make test-unit test-property")
        return 1
    return _judge(wanted, resume=not options.sample)


def _mutants(only: str) -> list[tuple[Path, Mutant]]:
    equivalent = {(one.path, one.was, one.becomes) for one in EQUIVALENT}
    return [
        (path, one)
        for path in sorted(RULES.rglob("*.py"))
        if only in str(path.relative_to(ROOT))
        for one in mutants_of(path.read_text())
        if (str(path.relative_to(ROOT)), one.was, one.becomes) not in equivalent
    ]


def _judge(wanted: list[tuple[Path, Mutant]], *, resume: bool) -> int:
    killed_before = set(KILLED.read_text().split()) if resume and KILLED.exists() else set()
    killed = 0
    for at, (path, one) in enumerate(wanted, 1):
        key = sha256(f"{path.relative_to(ROOT)} {one.number} {path.read_text()}".encode()).hexdigest()
        if key in killed_before or not lives(path, one.number):
            killed += 1
            if key not in killed_before:
                _remember(key)
        else:
            print(f"LIVES: {path.relative_to(ROOT)}:{one.row}: {one.was}  ->  {one.becomes}", flush=True)
        print(f"{at} of {len(wanted)} judged, {killed} killed", end="\r", file=sys.stderr, flush=True)
    share = killed / len(wanted)
    print(f"{killed} of {len(wanted)} mutants were killed ({share:.0%}; at least {KILLED_SHARE_MIN:.0%})")
    return 0 if share >= KILLED_SHARE_MIN else 1


def _remember(key: str) -> None:
    KILLED.parent.mkdir(exist_ok=True)
    with KILLED.open("a") as file:
        file.write(key + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description="Mutants of the rules, judged by fast tests.")
    parser.add_argument("--sample", type=int, default=0, help="so many, chosen by the seed (default 0: all)")
    parser.add_argument("--seed", type=int, help="choose the same ones again (default: a random one, printed)")
    parser.add_argument("--only", default="", help="a part of the path of the modules: payments, seats.py")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
