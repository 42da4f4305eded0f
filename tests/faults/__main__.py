"""`python -m tests.faults`: round after round of faults in a random order, each with its balance; ends with 1 if one is off."""

from __future__ import annotations

import argparse
import random
import secrets
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.faults import HARDER, Scene
from tests.faults.rounds import Balance, play
from tests.support.processes.servers import PostgresServer, ValkeyServer
from tests.support.processes.stack import Stack

DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
"""As in production, whatever the tests' own servers do."""


def main() -> int:
    options = _options()
    seed = secrets.randbits(32) if options.seed is None else options.seed
    print(f"Again: make faults FAULTS_OPTIONS='--seed {seed}'", flush=True)
    with TemporaryDirectory(prefix="holdfast-faults-") as name, ExitStack() as closing:
        scene = _scene(Path(name), closing, random.Random(seed))  # noqa: S311 - no secret
        return _rounds(scene, options.only.split(",") if options.only else list(HARDER), options.rounds)


def _scene(folder: Path, closing: ExitStack, chance: random.Random) -> Scene:
    postgres = PostgresServer(folder / "postgres", DURABLE)
    closing.callback(postgres.close)
    postgres.start()
    valkey = ValkeyServer(folder / "valkey")
    valkey.start()
    stack = Stack(folder=folder / "stack", database_url=postgres.new_database(demo=True), valkey=valkey)
    closing.callback(stack.close)
    return Scene(stack.start(), postgres, chance)


def _rounds(scene: Scene, names: list[str], rounds: int) -> int:
    total: list[Balance] = []
    for number in range(1, rounds + 1):
        for name in scene.chance.sample(names, len(names)):
            began = time.monotonic()
            try:
                balance = play(scene, HARDER[name])
            except (AssertionError, TimeoutError) as problem:
                print(f"{number:>3}  {name}: {problem}\n{scene.stack.logs()}", flush=True)
                return 1
            total.append(balance)
            print(f"{number:>3}  {name:<36} {time.monotonic() - began:5.1f} s  {balance}", flush=True)
            if balance.problems:
                print(f"     OFF: {'; '.join(balance.problems)}", flush=True)
    return _summary(total)


def _summary(total: list[Balance]) -> int:
    off = sum(bool(balance.problems) for balance in total)
    accepted, outcomes = sum(one.accepted for one in total), sum(one.outcomes for one in total)
    double, disorder = sum(one.double_bookings for one in total), sum(one.out_of_order for one in total)
    longest_s = max((one.longest_s for one in total), default=0.0)
    print(f"{len(total)} rounds: {accepted} commands accepted, {outcomes} outcomes, {double} double bookings,")
    print(f"{disorder} out of order, the longest decided after {longest_s:.2f} s; {off} rounds off", flush=True)
    return 1 if off else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description="Kill, stop and empty parts while clients book.")
    parser.add_argument("--rounds", type=int, default=3, help="how often each fault strikes (default 3)")
    parser.add_argument("--seed", type=int, help="play the same faults again (default: a random one, printed)")
    parser.add_argument("--only", help=f"of {', '.join(HARDER)}; separated by commas (default: all)")
    options = parser.parse_args()
    unknown = set(options.only.split(",") if options.only else ()) - set(HARDER)
    if unknown:
        parser.error(f"--only does not know {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    sys.exit(main())
