"""`python -m tests.benchmarks`: measure, print, and end with 1 if a bar is missed."""

from __future__ import annotations

import argparse
import sys
import time

from ops.processes import LANES
from tests.benchmarks import lists, pipelines
from tests.benchmarks.load import LoadError
from tests.benchmarks.measuring import PIPELINES, Plan
from tests.benchmarks.stack import PRODUCT_LANES

LISTS = "lists"
"""Asked for by name only: it fills big tables first, which takes a minute or two."""
QUICK = Plan(clients=(1, 64), rounds=1, warm_up_s=1, measured_s=3)


def main() -> int:
    options = _options()
    started = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - started:>6.1f} s  {line}", flush=True)

    if options.only == LISTS:
        return 0 if lists.run(say) else 1
    environment = {} if options.api is None else {"HOLDFAST_API_PROCESSES": str(options.api)}
    try:
        met = pipelines.run(
            _plan(options), say, environment=environment, lane_workers=options.lane_workers, lanes=options.lanes
        )
    except LoadError as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0 if met else 1


def _plan(options: argparse.Namespace) -> Plan:
    usual = QUICK if options.quick else Plan()
    wanted = options.only.split(",") if options.only else [pipeline.name for pipeline in PIPELINES]
    return Plan(
        clients=[int(number) for number in options.clients.split(",")] if options.clients else usual.clients,
        rounds=options.rounds or usual.rounds,
        warm_up_s=usual.warm_up_s,
        measured_s=options.seconds or usual.measured_s,
        pipelines=[pipeline for pipeline in PIPELINES if pipeline.name in wanted],
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="Measure the pipeline beside its baselines.")
    parser.add_argument("--quick", action="store_true", help="one short round at 1 and 64 clients")
    parser.add_argument("--rounds", type=int, help="medians of so many rounds (default 3)")
    parser.add_argument("--seconds", type=int, help="length of each measured interval (default 5)")
    parser.add_argument("--clients", help="e.g. 64,256 (default 1,16,64,256)")
    parser.add_argument(
        "--only",
        help=f"of {', '.join(p.name for p in PIPELINES)}; separated by commas; or {LISTS}: the lists on big tables",
    )
    parser.add_argument("--api", type=int, help="gunicorn processes (default: the settings')")
    parser.add_argument("--lane-workers", type=int, default=LANES.count, help="lane workers (default: the stack's)")
    parser.add_argument("--lanes", type=int, default=PRODUCT_LANES, help="lanes (default: the settings')")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
