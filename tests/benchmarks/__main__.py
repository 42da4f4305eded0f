"""`python -m tests.benchmarks`: measure, print, and end with 1 if a bar is missed."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from ops.processes import LANES
from tests.benchmarks.load import LoadError
from tests.benchmarks.measurement import PIPELINES, Plan
from tests.benchmarks.scenarios import (
    availability,
    bulk,
    cancellation,
    desk,
    expiry,
    lists,
    login,
    outgoing,
    parser,
    pipelines,
    reads,
    retention,
    watching,
)
from tests.benchmarks.stack import PRODUCT_LANES, Say

SCENARIOS: Mapping[str, Callable[[Say], bool]] = {
    "login": login.run,
    "bulk": bulk.run,
    "cancelling": cancellation.run,
    "desk": desk.run,
    "lists": lists.run,
    "availability": availability.run,
    "expiry": expiry.run,
    "outgoing": outgoing.run,
    "parser": parser.run,
    "reads": reads.run,
    "retention": retention.run,
    "watching": watching.run,
}
"""Each prints its table and says whether its bars are met."""
USUAL = ("login", "bulk", "cancelling")
"""Run after the pipelines; the others by name only, as they fill big tables first."""
QUICK = Plan(clients=(1, 64), rounds=1, warm_up_s=1, measured_s=3)
BEFORE_RELEASE = Plan(clients=(16, 64, 256), rounds=3, warm_up_s=1, measured_s=2)
WIDE = 2.0
"""Before a release half of each bar is enough: a short run on any machine tells only what went badly wrong."""


def main() -> int:
    options = _options()
    started = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - started:>6.1f} s  {line}", flush=True)

    usual = [*(one.name for one in PIPELINES), *(() if options.quick or options.before_release else USUAL)]
    wanted = options.only.split(",") if options.only else usual
    try:
        met = [_pipelines(options, wanted, say)] if any(one.name in wanted for one in PIPELINES) else []
        met += [run(say) for name, run in SCENARIOS.items() if name in wanted]
    except LoadError as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0 if all(met) else 1


def _pipelines(options: argparse.Namespace, wanted: Sequence[str], say: Say) -> bool:
    environment = {} if options.api is None else {"HOLDFAST_API_PROCESSES": str(options.api)}
    plan = _plan(options, wanted)
    return pipelines.run(
        plan,
        say,
        WIDE if options.before_release else 1.0,
        environment=environment,
        lane_workers=options.lane_workers,
        lanes=options.lanes,
    )


def _plan(options: argparse.Namespace, wanted: Sequence[str]) -> Plan:
    usual = QUICK if options.quick else BEFORE_RELEASE if options.before_release else Plan()
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
    parser.add_argument("--before-release", action="store_true", help="three minutes, held to half of each bar")
    parser.add_argument("--rounds", type=int, help="medians of so many rounds (default 3)")
    parser.add_argument("--seconds", type=int, help="length of each measured interval (default 5)")
    parser.add_argument("--clients", help="e.g. 64,256 (default 1,16,64,256)")
    names = ", ".join([*(one.name for one in PIPELINES), *SCENARIOS])
    parser.add_argument("--only", help=f"of {names}; separated by commas (default: the pipelines, {', '.join(USUAL)})")
    parser.add_argument("--api", type=int, help="gunicorn processes (default: the settings')")
    parser.add_argument("--lane-workers", type=int, default=LANES.count, help="lane workers (default: the stack's)")
    parser.add_argument("--lanes", type=int, default=PRODUCT_LANES, help="lanes (default: the settings')")
    options = parser.parse_args()
    unknown = set((options.only or PIPELINES[0].name).split(",")) - {one.name for one in PIPELINES} - set(SCENARIOS)
    if unknown:
        parser.error(f"--only does not know {', '.join(sorted(unknown))}; it knows {names}")
    return options


if __name__ == "__main__":
    sys.exit(main())
