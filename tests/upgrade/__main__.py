"""`python -m tests.upgrade`: every order, there and back, each with its checks; exits with 1 if one fails."""

from __future__ import annotations

import argparse
import random
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.processes.servers import PostgresServer
from tests.upgrade.books import balance
from tests.upgrade.releases import NEW, Release, previous
from tests.upgrade.replacement_orders import ORDERS, Upgrade, silences
from tests.upgrade.scene import scene


def main() -> int:
    options = _options()
    seed = secrets.randbits(32) if options.seed is None else options.seed
    print(f"Again: make upgrade UPGRADE_OPTIONS='--seed {seed}'", flush=True)
    chance = random.Random(seed)  # noqa: S311 - no secret
    orders = [tuple(options.order.split(","))] if options.order else chance.sample(ORDERS, options.orders)
    with TemporaryDirectory(prefix="holdfast-upgrade-") as name:
        postgres = PostgresServer(Path(name) / "postgres")
        postgres.start()
        try:
            old = previous(Path(name))
            off = sum(
                not _play(postgres, Path(name) / f"order-{n}", old, order, chance) for n, order in enumerate(orders)
            )
        finally:
            postgres.close()
    print(f"{len(orders)} orders there and back; {off} of them off", flush=True)
    return 1 if off else 0


def _play(postgres: PostgresServer, folder: Path, old: Release, order: Sequence[str], chance: random.Random) -> bool:
    """One order there, another one back; returns whether every check passed."""
    way_back = chance.sample(order, len(order))
    began = time.monotonic()
    print(f"{' > '.join(order)}; back {' > '.join(one for one in way_back if one != 'migrate')}", flush=True)
    try:
        with scene(postgres, folder, old, chance.getrandbits(32)) as playing:
            upgrade = Upgrade(playing.fleet, playing.traffic, lambda step: print(f"  {step}", flush=True))
            upgrade.calm()
            upgrade.forward(order, NEW)
            upgrade.back(way_back, old)
            playing.traffic.stop()
            books = balance(playing.fleet, playing.stripe, playing.traffic)
            longest_start_s = max(playing.fleet.all_starts_s)
            off = [*upgrade.too_long(), *playing.traffic.journal.problems, *map(str, books.problems.items())]
    except AssertionError as problem:
        print(f"  OFF: {problem}", flush=True)
        return False
    silent = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in silences(upgrade.steps).items())
    print(f"  {books}; longest silences: {silent}; a process starts in up to {longest_start_s:.2f} s", flush=True)
    print(f"  {time.monotonic() - began:.0f} s" + "".join(f"\n  OFF: {one}" for one in off), flush=True)
    return not off


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make upgrade", description="The previous release, this one, and back.")
    parser.add_argument(
        "--orders", type=int, default=len(ORDERS), help=f"so many by chance (default all {len(ORDERS)})"
    )
    parser.add_argument("--order", help=f"only this one, such as {','.join(ORDERS[0])}")
    parser.add_argument("--seed", type=int, help="play the same again (default: a random one, printed)")
    options = parser.parse_args()
    if options.order and tuple(options.order.split(",")) not in ORDERS:
        parser.error(f"--order takes each of {', '.join(ORDERS[0])} once")
    return options


if __name__ == "__main__":
    sys.exit(main())
