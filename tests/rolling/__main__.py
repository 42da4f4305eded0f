"""`python -m tests.rolling`: every process in turn ends and starts again under load; exits with 1 if anything is lost."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.rolling.rolling_restart import RollingRestart, Step
from tests.support.clients.steady_bookings import SteadyBookings
from tests.support.processes.servers import PostgresServer
from tests.upgrade.books import Books, balance
from tests.upgrade.releases import NEW
from tests.upgrade.scene import Scene, scene

DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
"""As in production, whatever the tests' own servers do."""


def main() -> int:
    options = _options()
    seed = secrets.randbits(32) if options.seed is None else options.seed
    print(f"Again: make rolling ROLLING_OPTIONS='--seed {seed}'", flush=True)
    with TemporaryDirectory(prefix="holdfast-rolling-") as name:
        postgres = PostgresServer(Path(name) / "postgres", DURABLE)
        postgres.start()
        try:
            with scene(postgres, Path(name) / "scene", NEW, seed) as playing:
                steps, books = _play(playing, options)
                problems = [*playing.traffic.journal.problems, *map(str, books.problems.items())]
        finally:
            postgres.close()
    problems += [problem for step in steps for problem in step.problems]
    print(f"  {books}" + "".join(f"\n  OFF: {one}" for one in problems), flush=True)
    return 1 if problems else 0


def _play(playing: Scene, options: argparse.Namespace) -> tuple[list[Step], Books]:
    accepted = playing.traffic.journal.accepted
    began = time.monotonic()
    with SteadyBookings(
        playing.fleet.api_urls, options.clients, lambda id_: accepted.update({id_: "agent"})
    ) as booking:
        rolling = RollingRestart(playing.fleet, playing.traffic, booking)
        steps = [_told(rolling.calm(options.calm))]
        for _ in range(options.rounds):
            steps += map(_told, rolling.restart_all())
    print(f"  {'all':<50} {booking.figures(began, time.monotonic())}", flush=True)
    playing.traffic.stop()
    return steps, balance(playing.fleet, playing.stripe, playing.traffic)


def _told(step: Step) -> Step:
    print(f"  {step}", flush=True)
    return step


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make rolling", description="Restart every process in turn under load.")
    parser.add_argument("--rounds", type=int, default=1, help="how often each process is restarted (default 1)")
    parser.add_argument("--clients", type=int, default=8, help="clients whose bookings are timed (default 8)")
    parser.add_argument("--calm", type=float, default=10.0, help="seconds to measure before the first (default 10)")
    parser.add_argument("--seed", type=int, help="send the same again (default: a random one, printed)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
