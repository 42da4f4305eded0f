"""`python -m tests.benchmarks.scaling RESULT.json`: what two cores show beside what is simulated, then larger houses."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tests.benchmarks.report import Figure
from tests.benchmarks.scaling.costs import Costs, read_costs
from tests.benchmarks.scaling.simulation import House, Load, Outcome, Pipeline

TWO_CORES = House(api=1, lanes=1, sockets=0, shared_cores=2)
"""As `make bench` has it: everything and the load on two cores. A second lane worker finds nothing to do there."""
NETWORK_HOP_US = 150.0
GROWN = (
    House(api=1, lanes=1, postgres_cores=2),
    House(api=2, lanes=2, postgres_cores=4),
    House(api=4, lanes=4, postgres_cores=8),
    House(api=4, lanes=4, postgres_cores=8, sockets=1_000, notifiers=8),
    House(api=8, lanes=16, postgres_cores=16),
    House(api=16, lanes=16, postgres_cores=16),
    House(api=16, lanes=64, postgres_cores=16),
    House(api=16, lanes=64, postgres_cores=64),
)
CLIENTS_OF_AN_API = 256
EASY = 0.6
"""The part of its highest rate that a house is run at."""
ARRIVALS_PER_S = (1_000, 10_000, 100_000)


def checked(costs: Costs, figures: Sequence[Figure]) -> Iterator[str]:
    """What was measured on two cores beside what the simulation says of them."""
    yield "clients   measured/s  p50 ms  p99 ms   simulated/s  p50 ms  p99 ms   rate"
    for one in figures:
        said = Pipeline(costs, TWO_CORES, Load(clients=one.clients)).run()
        yield (
            f"{one.clients:>7} {one.per_s:>12,.0f} {one.p50_ms:>7.1f} {one.p99_ms:>7.1f}"
            f" {said.per_s:>13,.0f} {said.p50_ms:>7.1f} {said.p99_ms:>7.1f} {said.per_s / one.per_s:>6.2f}"
        )


def grown(costs: Costs) -> Iterator[str]:
    """As many bookings as each house takes, with clients enough to fill it, and how long they wait at `EASY` of that."""
    yield f"  api lanes  pg cores notifiers sockets |   at most/s  full first       | at {EASY:.0%}: p50 ms  p99 ms  told p99"
    for house in GROWN:
        full = Pipeline(costs, house, Load(clients=CLIENTS_OF_AN_API * house.api, seconds=1.0)).run()
        easy = Pipeline(costs, house, Load(per_s=EASY * full.per_s, seconds=1.0)).run()
        yield f"{_row(house)} | {_full(full)} | {_easy(easy)}"


def wanted(costs: Costs, per_s: float) -> str:
    """The processors that a rate needs, each at two thirds, and who needs them first."""
    needs = {
        "api": costs.api.item_us,
        "lanes": costs.lanes.item_us,
        "postgres": costs.postgres.item_us,
        "relay": costs.sweeps.item_us,
        "a notifier with 100 sockets": costs.event_us + 100 * costs.send_us,
    }
    cores = {name: per_s * us / 1e6 / (2 / 3) for name, us in needs.items()}
    return f"{per_s:>9,.0f}/s  " + ", ".join(f"{name} {number:,.1f}" for name, number in cores.items())


def _row(house: House) -> str:
    return f"{house.api:>5} {house.lanes:>5} {house.postgres_cores:>9} {house.notifiers:>9} {house.sockets:>7}"


def _full(said: Outcome) -> str:
    return f"{said.per_s:>11,.0f}  {f'{said.first_full} ({said.busy[said.first_full]:.0%})':<16}"


def _easy(said: Outcome) -> str:
    return f"{said.p50_ms:>15.1f} {said.p99_ms:>7.1f} {said.told_p99_ms:>9.1f}"


def main(arguments: Sequence[str]) -> int:
    try:
        (name,) = arguments
        costs, figures = read_costs(Path(name))
    except (ValueError, OSError, msgspec.ValidationError) as problem:
        print(f"Name one result of `make bench` for the pipelines, in bench-results/: {problem}", file=sys.stderr)
        return 2
    print(f"Microseconds for a group and for each booking in it: {costs}\n")
    print("\n".join(checked(costs, figures)), end="\n\n")
    print("Each process on a core of its own, PostgreSQL over a network:\n")
    far = replace(costs, hop_us=NETWORK_HOP_US)
    for line in grown(far):
        print(line, flush=True)
    print("\nCores that are two thirds busy at a rate:\n")
    print("\n".join(wanted(costs, per_s) for per_s in ARRIVALS_PER_S))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
