"""`python -m tests.rolling`: `migrate`, then each process's end and start, under load; exits with 1 if anything is off."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.rolling.migrate_under_load import fill_old, migrate_under_load
from tests.rolling.rolling_restart import RollingRestart, Step
from tests.support.clients.steady_bookings import SteadyBookings
from tests.support.processes.servers import PostgresServer
from tests.upgrade.books import balance
from tests.upgrade.fleet import Fleet
from tests.upgrade.releases import NEW, previous
from tests.upgrade.scene import Scene, scene

DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
"""As in production, whatever the tests' own servers do."""


def main() -> int:
    options = _options()
    seed = secrets.randbits(32) if options.seed is None else options.seed
    print(f"Again: make rolling ROLLING_OPTIONS='--seed {seed}'", flush=True)
    problems: list[str] = []
    with TemporaryDirectory(prefix="holdfast-rolling-") as name:
        postgres = PostgresServer(Path(name) / "postgres", DURABLE)
        postgres.start()
        try:
            for what in PARTS if options.only is None else [options.only]:
                print(f"{what}:", flush=True)
                release = previous(Path(name)) if what == "migrate" else NEW
                with scene(postgres, Path(name) / what, release, seed, _filled(options, what)) as playing:
                    problems += PARTS[what](playing, options)
        finally:
            postgres.close()
    print("".join(f"OFF: {one}\n" for one in problems) or "nothing is off", flush=True)
    return 1 if problems else 0


def _filled(options: argparse.Namespace, what: str) -> Callable[[Fleet], None]:
    """Before anybody books: a table has no index while it is filled."""
    bookings = options.bookings if what == "migrate" else 0
    return lambda fleet: fill_old(fleet, bookings, lambda words: print(f"  {words}", flush=True)) if bookings else None


def _migrate(playing: Scene, options: argparse.Namespace) -> list[str]:
    with _booking(playing, options) as bookings:
        steps = migrate_under_load(playing, bookings, options.calm, _told)
    return _balanced(playing, steps)


def _restarts(playing: Scene, options: argparse.Namespace) -> list[str]:
    began = time.monotonic()
    with _booking(playing, options) as bookings:
        rolling = RollingRestart(playing.fleet, playing.traffic, bookings)
        steps = [_told(rolling.calm(options.calm))]
        for _ in range(options.rounds):
            steps += map(_told, rolling.restart_all())
    print(f"  {'all':<50} {bookings.figures(began, time.monotonic())}", flush=True)
    return _balanced(playing, steps)


PARTS = {"migrate": _migrate, "restarts": _restarts}


def _booking(playing: Scene, options: argparse.Namespace) -> SteadyBookings:
    accepted = playing.traffic.journal.accepted
    return SteadyBookings(playing.fleet.api_urls, options.clients, lambda id_: accepted.update({id_: "agent"}))


def _told(step: Step) -> Step:
    print(f"  {step}", flush=True)
    return step


def _balanced(playing: Scene, steps: list[Step]) -> list[str]:
    """What is wrong with them and with the books, once everybody has finished."""
    playing.traffic.stop()
    books = balance(playing.fleet, playing.stripe, playing.traffic)
    print(f"  {books}", flush=True)
    problems = [*playing.traffic.journal.problems, *map(str, books.problems.items())]
    return problems + [problem for step in steps for problem in step.problems]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make rolling", description="Migrate, and restart every process, under load.")
    parser.add_argument("--only", choices=PARTS, help="only one of them (default: both)")
    parser.add_argument("--bookings", type=int, default=200_000, help="that the migrated database has (default 200000)")
    parser.add_argument("--rounds", type=int, default=1, help="how often each process is restarted (default 1)")
    parser.add_argument("--clients", type=int, default=8, help="clients whose bookings are timed (default 8)")
    parser.add_argument("--calm", type=float, default=10.0, help="seconds to measure before and after (default 10)")
    parser.add_argument("--seed", type=int, help="send the same again (default: a random one, printed)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
