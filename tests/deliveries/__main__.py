"""`python -m tests.deliveries`: 10,000 events to 20 endpoints while parts are killed; exits with 1 if anything is off."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ops.processes import API, BEAT, DELIVERIES, LANES, NOTIFIER, SWEEPS
from tests.deliveries.show import Plan, Told, p99_ms, play
from tests.deliveries.verdict import problems
from tests.support.processes.servers import PostgresServer, ValkeyServer
from tests.support.processes.stack import Stack

PROCESSES = (API, LANES, SWEEPS, BEAT, NOTIFIER, replace(DELIVERIES, count=2))
TIMES_CALM_MAX = 2.0
P99_SPARE_MS = 150.0
"""A machine that also runs the receivers is given so much."""


def main() -> int:
    options = _options()
    seed = secrets.randbits(32) if options.seed is None else options.seed
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:>6.1f} s  {line}", flush=True)

    say(f"Again: make deliveries DELIVERIES_OPTIONS='--events {options.events} --seed {seed}'")
    plan = Plan(
        events=options.events,
        endpoints=options.endpoints,
        tried_for_s=options.tried_for,
        timeout_s=2,
        kills=options.kills,
        database_kills=options.database_kills,
        seed=seed,
        patience_s=1_800.0,
    )
    with TemporaryDirectory(prefix="holdfast-deliveries-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL may run under another account
        postgres, valkey = PostgresServer(folder / "postgres"), ValkeyServer(folder / "valkey")
        postgres.start()
        valkey.start()
        url = postgres.new_database(demo=True)
        stack = Stack(folder / "stack", url, valkey, PROCESSES, environment=plan.environment)
        try:
            told = play(stack.start(), postgres, folder, plan, say)
            with stack.database() as connection:
                found = [*problems(connection, told), *_slower(told)]
        finally:
            stack.close()
            postgres.close()
    repeated = sum(len(heard) - len({id_ for id_, _ in heard}) for heard in told.heard.values())
    say(f"{sum(map(len, told.heard.values())):,} requests were heard, {repeated:,} of them repetitions")
    say(f"bookings: p99 {p99_ms(told.calm_ms):.0f} ms before, {p99_ms(told.beside_ms):.0f} ms beside the deliveries")
    print("".join(f"OFF: {one}\n" for one in found) or "nothing is off", flush=True)
    return 1 if found else 0


def _slower(told: Told) -> list[str]:
    before, beside = p99_ms(told.calm_ms), p99_ms(told.beside_ms)
    if beside <= before * TIMES_CALM_MAX + P99_SPARE_MS:
        return []
    return [f"bookings beside the deliveries take {beside:.0f} ms at p99, {before:.0f} ms before"]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make deliveries", description="Tell endpoints while parts are killed.")
    parser.add_argument("--events", type=int, default=10_000, help="of bookings, two each (default 10000)")
    parser.add_argument("--endpoints", type=int, default=20, help="the slow, the dead and the failing one included")
    parser.add_argument("--kills", type=int, default=8, help="of delivery workers (default 8)")
    parser.add_argument("--database-kills", type=int, default=2, help="of PostgreSQL (default 2)")
    parser.add_argument("--tried-for", type=int, default=600, help="seconds instead of three days (default 600)")
    parser.add_argument("--seed", type=int, help="the same kills again (default: a random one, printed)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
